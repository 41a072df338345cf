"""Dark-energy models: what each adds to matter in a flat universe.

A model is one entry of `MODELS`.  Radiation is left out: below z = 3 it changes a distance by less
than 0.1 %, and its effect on the ratio of two distances is far below the error of today's data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sbiwb.core.constraint import LinearConstraint
from sbiwb.core.distributions import Uniform
from sbiwb.core.prior import Parameter

Density = Callable[..., Any]


@dataclass(frozen=True)
class Model:
    """A dark-energy model.

    Parameters
    ----------
    density : callable
        ``density(n, xp)`` prepares the model at n = ln(1 + z), an array of the namespace `xp`
        (`numpy` or `torch`), and returns a function from the model's parameters, each a column
        (m, 1), to the density of dark energy relative to today's.
    parameters : tuple of Parameter
        The model's own parameters, besides Ωm.
    constraint : LinearConstraint, optional
        A bound on two of them.
    """

    density: Callable[[Any, Any], Density]
    parameters: tuple[Parameter, ...] = ()
    constraint: LinearConstraint | None = None


def cosmological_constant(_n: Any, _xp: Any) -> Density:
    """Prepare w = −1."""
    return lambda: 1.0


def constant_w(n: Any, xp: Any) -> Density:
    """Prepare w = w0: density ∝ (1 + z)^{3(1 + w0)}."""
    return lambda w0: xp.exp(3 * (1 + w0) * n)


def cpl(n: Any, xp: Any) -> Density:
    """Prepare w = w0 + wa z/(1+z) (Chevallier & Polarski 2001; Linder 2003)."""
    drop = 1 - xp.exp(-n)  # z/(1 + z)
    return lambda w0, wa: xp.exp(3 * ((1 + w0 + wa) * n - wa * drop))


OMEGA_M = Parameter("Om", Uniform(0.01, 0.99), label=r"\Omega_m")
_W0 = Parameter("w0", Uniform(-3.0, 1.0), label="w_0")
_WA = Parameter("wa", Uniform(-3.0, 2.0), label="w_a")

# Ranges of DESI DR2 Results II (arXiv:2503.14738); w0 + wa < 0: matter dominates at early times.
MODELS = {
    "lcdm": Model(cosmological_constant),
    "wcdm": Model(constant_w, (_W0,)),
    "w0wacdm": Model(cpl, (_W0, _WA), LinearConstraint(("w0", "wa"), (1.0, 1.0), 0.0)),
}
