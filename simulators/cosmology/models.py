"""Cosmological models: what each adds to matter.

A model is one entry of `MODELS`.  Radiation is left out: below z = 3 it changes a distance by less
than 0.1 %, and its effect on the ratio of two distances is far below the error of today's data.
"""

from __future__ import annotations

from typing import Any

from sbiwb.core.constraint import LinearConstraint
from sbiwb.core.distributions import Uniform
from sbiwb.core.prior import Parameter

from .model import W0, Density, Model
from .oscillating import OSCILLATING


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


def second_order(n: Any, xp: Any) -> Density:
    """Prepare w = w0 + wa (1−a) + wb (1−a)².

    References: Seljak et al. (2005), Phys. Rev. D 71, 103515, astro-ph/0407372; Nesseris, Akrami &
    Starkman (2025), arXiv:2503.22529; for gravitational waves Afroz & Mukherjee (2024),
    arXiv:2412.12285.
    """
    drop = 1 - xp.exp(-n)  # 1 − a
    first = n - drop  # ∫ (1−a) dn
    second = first - drop**2 / 2  # ∫ (1−a)² dn
    return lambda w0, wa, wb: xp.exp(3 * ((1 + w0) * n + wa * first + wb * second))


OMEGA_M = Parameter("Om", Uniform(0.01, 0.99), label=r"\Omega_m")
_OMEGA_K = Parameter("Ok", Uniform(-0.3, 0.3), label=r"\Omega_k")
_WA = Parameter("wa", Uniform(-3.0, 2.0), label="w_a")
_WB = Parameter("wb", Uniform(-10.0, 10.0), label="w_b")

# Matter dominates at early times: w0 + wa < 0, as in DESI's prior.
_EARLY_MATTER = LinearConstraint(("w0", "wa"), (1.0, 1.0), 0.0)
# Curvature never outweighs matter: with Ωm + Ωk > 0, H² is positive at every redshift.
_MATTER_ABOVE_CURVATURE = LinearConstraint(("Om", "Ok"), (-1.0, -1.0), 0.0)

# Ranges of Ωm, Ωk, w0 and wa are those of DESI DR2 Results II (arXiv:2503.14738).  That of wb holds
# the posterior of today's data; the bound w0 + wa < 0 is kept, so that wb = 0 is `w0wacdm`.
MODELS: dict[str, Model] = {
    "lcdm": Model(cosmological_constant, lambda z: -1.0 + 0.0 * z),
    "wcdm": Model(constant_w, lambda z, w0: w0 + 0.0 * z, (W0,)),
    "w0wacdm": Model(cpl, lambda z, w0, wa: w0 + wa * z / (1 + z), (W0, _WA), _EARLY_MATTER),
    "w0wawbcdm": Model(
        second_order,
        lambda z, w0, wa, wb: w0 + wa * z / (1 + z) + wb * (z / (1 + z)) ** 2,
        (W0, _WA, _WB),
        _EARLY_MATTER,
        panel=0.2,
    ),
    "olcdm": Model(
        cosmological_constant,
        lambda z: -1.0 + 0.0 * z,
        (_OMEGA_K,),
        _MATTER_ABOVE_CURVATURE,
        curved=True,
    ),
    **OSCILLATING,
}
