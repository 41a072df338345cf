"""sbiwb: a workbench for simulation-based inference.

The public names below are loaded when first used: ``import sbiwb`` is fast and imports no Torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name → the module that defines it.
_HOME = {
    "Parameter": "sbiwb.core.prior",
    "Prior": "sbiwb.core.prior",
    "LinearConstraint": "sbiwb.core.constraint",
    "GridDensity": "sbiwb.core.grid_density",
    "Correlation": "sbiwb.core.correlation",
    "Uniform": "sbiwb.core.distributions",
    "LogUniform": "sbiwb.core.distributions",
    "Normal": "sbiwb.core.distributions",
    "TruncatedNormal": "sbiwb.core.distributions",
    "LogNormal": "sbiwb.core.distributions",
    "PowerLaw": "sbiwb.core.distributions",
    "Sine": "sbiwb.core.distributions",
    "Cosine": "sbiwb.core.distributions",
    "Observation": "sbiwb.core.observation",
    "Output": "sbiwb.core.simulator",
    "Simulator": "sbiwb.core.simulator",
    "Simulations": "sbiwb.core.simulations",
    "Problem": "sbiwb.core.problem",
    "Verdict": "sbiwb.core.verdict",
    "Result": "sbiwb.result",
    "simulator": "sbiwb.core.function",
    "problem": "sbiwb.registry",
    "simulate": "sbiwb.execute",
    "infer": "sbiwb.inference",
    "check": "sbiwb.checking",
    "fisher_information": "sbiwb.checking.information",
    "load": "sbiwb.loading",
    "read_draws": "sbiwb.reading",
    "from_draws": "sbiwb.reading",
    "compare": "sbiwb.comparison",
    "bench": "sbiwb.benchmarking",
    "tarp": "sbiwb.diagnostics.tarp",
    "sbc": "sbiwb.diagnostics.sbc",
    "expected_coverage": "sbiwb.diagnostics.expected_coverage",
    "correlations": "sbiwb.diagnostics.correlations",
    "lc2st": "sbiwb.diagnostics.lc2st",
    "power": "sbiwb.diagnostics.power",
    "sharpness": "sbiwb.diagnostics.sharpness",
    "identifiability": "sbiwb.diagnostics.identifiability",
    "check_draws": "sbiwb.diagnostics._suite",
    "run": "sbiwb.pipeline",
}

if TYPE_CHECKING:
    from sbiwb.benchmarking import bench as bench
    from sbiwb.checking import check as check
    from sbiwb.checking.information import fisher_information as fisher_information
    from sbiwb.comparison import compare as compare
    from sbiwb.core.constraint import LinearConstraint as LinearConstraint
    from sbiwb.core.correlation import Correlation as Correlation
    from sbiwb.core.distributions import Cosine as Cosine
    from sbiwb.core.distributions import LogNormal as LogNormal
    from sbiwb.core.distributions import LogUniform as LogUniform
    from sbiwb.core.distributions import Normal as Normal
    from sbiwb.core.distributions import PowerLaw as PowerLaw
    from sbiwb.core.distributions import Sine as Sine
    from sbiwb.core.distributions import TruncatedNormal as TruncatedNormal
    from sbiwb.core.distributions import Uniform as Uniform
    from sbiwb.core.function import simulator as simulator
    from sbiwb.core.grid_density import GridDensity as GridDensity
    from sbiwb.core.observation import Observation as Observation
    from sbiwb.core.prior import Parameter as Parameter
    from sbiwb.core.prior import Prior as Prior
    from sbiwb.core.problem import Problem as Problem
    from sbiwb.core.simulations import Simulations as Simulations
    from sbiwb.core.simulator import Output as Output
    from sbiwb.core.simulator import Simulator as Simulator
    from sbiwb.core.verdict import Verdict as Verdict
    from sbiwb.diagnostics._suite import check_draws as check_draws
    from sbiwb.diagnostics.correlations import correlations as correlations
    from sbiwb.diagnostics.expected_coverage import expected_coverage as expected_coverage
    from sbiwb.diagnostics.identifiability import identifiability as identifiability
    from sbiwb.diagnostics.lc2st import lc2st as lc2st
    from sbiwb.diagnostics.power import power as power
    from sbiwb.diagnostics.sbc import sbc as sbc
    from sbiwb.diagnostics.sharpness import sharpness as sharpness
    from sbiwb.diagnostics.tarp import tarp as tarp
    from sbiwb.execute import simulate as simulate
    from sbiwb.inference import infer as infer
    from sbiwb.loading import load as load
    from sbiwb.pipeline import run as run
    from sbiwb.reading import from_draws as from_draws
    from sbiwb.reading import read_draws as read_draws
    from sbiwb.registry import problem as problem
    from sbiwb.result import Result as Result

__all__ = sorted(["__version__", *_HOME])


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sbiwb' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
