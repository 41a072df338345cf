"""Contract checks, for modules of this package and of third parties.

Each raises `ContractError`, which names the broken clause, and returns nothing if all is well::

    from sbiwb.testing import check_simulator

    def test_my_simulator():
        check_simulator(MySimulator())
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sbiwb.testing.approximation import check_approximation as check_approximation
    from sbiwb.testing.contract import ContractError as ContractError
    from sbiwb.testing.diagnostic import check_diagnostic as check_diagnostic
    from sbiwb.testing.estimator import check_estimator as check_estimator
    from sbiwb.testing.reader import check_reader as check_reader
    from sbiwb.testing.sampler import check_sampler as check_sampler
    from sbiwb.testing.simulator import check_simulator as check_simulator

# Public name → the module that defines it.
_HOME = {
    "ContractError": "sbiwb.testing.contract",
    "check_approximation": "sbiwb.testing.approximation",
    "check_diagnostic": "sbiwb.testing.diagnostic",
    "check_estimator": "sbiwb.testing.estimator",
    "check_reader": "sbiwb.testing.reader",
    "check_sampler": "sbiwb.testing.sampler",
    "check_simulator": "sbiwb.testing.simulator",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sbiwb.testing' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
