"""Expansion history from any combination of data sets, measured and simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sbiwb.errors import UsageError, unknown_name

from ._gaussian import GaussianSimulator
from .bao import bao_probe
from .chronometers import chronometers
from .drift import ska_drift, ska_drift_differential
from .models import MODELS
from .points import published_points
from .probe import Probe
from .sirens import et_sirens
from .supernovae import union3

PROBES: dict[str, Callable[[], Probe]] = {
    "desi_dr2": lambda: bao_probe(published_points("desi_dr2")),
    "union3": union3,
    "cc": chronometers,
    "ska_drift": ska_drift,
    "ska_drift_differential": ska_drift_differential,
    "et_sirens": et_sirens,
}


class Background(GaussianSimulator):
    """Predictions for one or several data sets + Gaussian noise of their covariances.

    x holds the data sets one after another, in the order given: distances over the sound horizon
    (``desi_dr2``), differences of distance moduli (``union3``, see `supernovae.union3` for how its
    offset is marginalised), H(z) (``cc``), and the simulated redshift drift (``ska_drift``, or
    ``ska_drift_differential``) and luminosity distances of standard sirens (``et_sirens``).

    Parameters
    ----------
    data : str or sequence of str
        Names of data sets, keys of `PROBES`.
    model : str
        A key of `models.MODELS`.

    Raises
    ------
    UsageError
        If a data set or the model is unknown, none is given, or two of them are made of the same
        measurements.

    Notes
    -----
    Parameters are Ωm, the scales that the data need, and the model's own.  BAO need h·r_d
    (``hrd``); chronometers, drift and sirens need ``H0``; supernovae need neither.  With both, hrd
    and H0 are two parameters, whose ratio is the sound horizon, r_d = 100 km/s/Mpc · hrd / H0.
    Data sets are taken to be independent of each other.
    """

    name = "cosmology.background"
    version = "1"

    def __init__(
        self, data: str | Sequence[str] = ("desi_dr2", "union3"), model: str = "lcdm"
    ) -> None:
        if not isinstance(model, str) or model not in MODELS:
            raise unknown_name("cosmological model", model, MODELS)
        names = [data] if isinstance(data, str) else list(_checked(data))
        for name in names:
            if not isinstance(name, str) or name not in PROBES:
                raise unknown_name("cosmological data set", name, PROBES)
        probes = [PROBES[name]() for name in names]
        _refuse_repetition(names, probes)
        self.options = {"data": names, "model": model}
        super().__init__(probes, MODELS[model], label="x")


def _checked(data: object) -> Sequence[str]:
    if not isinstance(data, Sequence) or not data:
        raise UsageError(
            "no cosmological data set",
            got=repr(data),
            expected=f"a name or a list of names from {', '.join(PROBES)}",
        )
    return data


def _refuse_repetition(names: Sequence[str], probes: Sequence[Probe]) -> None:
    first: dict[str, str] = {}
    for name, probe in zip(names, probes, strict=True):
        if (earlier := first.setdefault(probe.measures, name)) != name or names.count(name) > 1:
            raise UsageError(
                "data sets made of the same measurements would count them twice",
                got=f"{earlier} and {name}",
                remedy="leave one out",
            )
