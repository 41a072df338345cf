"""What a cosmological model is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sbiwb.core.constraint import LinearConstraint
from sbiwb.core.distributions import Uniform
from sbiwb.core.prior import Parameter

Density = Callable[..., Any]

# Range of DESI DR2 Results II (arXiv:2503.14738), for every model that has it.
W0 = Parameter("w0", Uniform(-3.0, 1.0), label="w_0")


@dataclass(frozen=True)
class Model:
    """Matter, dark energy and perhaps curvature.

    Parameters
    ----------
    density : callable
        ``density(n, xp)`` prepares the model at n = ln(1 + z), an array of the namespace `xp`
        (`numpy` or `torch`), and returns a function from the parameters of dark energy, each a
        column (m, 1), to its density relative to today's.
    w : callable
        ``w(z, *parameters)``: its equation of state, for figures and checks.
    parameters : tuple of Parameter
        The model's own parameters besides Ωm; if `curved`, Ωk is the first.
    constraint : LinearConstraint, optional
        A bound on two parameters.
    curved : bool
        Whether space is curved.
    panel : float
        Widest panel in ln(1 + z) on which the quadrature of `distances` resolves the density.
    """

    density: Callable[[Any, Any], Density]
    w: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    constraint: LinearConstraint | None = None
    curved: bool = False
    panel: float = 0.3
