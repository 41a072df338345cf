"""Directions in parameter space, in words: what is known in spite of them, what they leave free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain, combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from sbiwb.core.distributions import Array
from sbiwb.diagnostics._coordinates import Coordinates

_SAME = 0.02
"""Exponents and coefficients (in prior units) closer than this to a simple number are that."""
_MOST = 2000
_LARGEST = 8.0
"""Twice the largest exponent that is written as one."""


def explain(null: Array, coordinates: Coordinates) -> tuple[list[str], list[str]]:
    """Name the combinations that directions leave unchanged, and the directions themselves.

    Parameters
    ----------
    null : ndarray, shape (d, r)
        Directions in φ that are not known, 1 ≤ r ≤ d.
    coordinates : Coordinates

    Returns
    -------
    known : list of str
        d − r independent combinations, such as ``√(D T)``, in the simplest basis there is: few
        parameters in each, and products rather than ratios.
    free : list of str
        What may change together, such as ``(D/s, rho/s, T s)``, whatever s is; r of them.
    """
    d, r = null.shape
    best: tuple[float, Array, tuple[int, ...]] | None = None
    # Pivots are always a basis; of few parameters all are tried for a simpler one.
    pivots = tuple(sorted(linalg.qr(null.T, mode="r", pivoting=True)[1][:r].tolist(), reverse=True))
    every = combinations(reversed(range(d)), r) if comb(d, r) <= _MOST else iter(())
    chosen: tuple[int, ...]
    for chosen in chain(every, [pivots]):
        block = null[list(chosen)]
        if chosen is not pivots and np.linalg.cond(block) > 1e3:
            continue
        # Column j of `moves` is the direction in which the j-th chosen parameter moves by one.
        moves: Array = np.asarray(np.linalg.solve(block.T, null.T).T, dtype=np.float64)
        moves = _plain(moves, chosen, coordinates)
        terms = np.abs(moves).sum(), np.count_nonzero(moves)
        # A known product D T belongs to a direction in which D rises as T falls.
        ratios = np.count_nonzero(np.delete(moves, chosen, axis=0) > 0)
        score = 1e3 * terms[1] + ratios + 1e-3 * float(terms[0])
        if best is None or score < best[0] - 1e-9:
            best = score, moves, chosen
    assert best is not None  # by the pivots at least
    _, moves, chosen = best
    known = []
    for i in range(d):
        if i in chosen:
            continue
        weights = np.zeros(d)
        weights[i] = 1.0
        weights[list(chosen)] = -moves[i]
        known.append(_combination(weights, coordinates))
    return known, [_move(moves[:, k], coordinates) for k in range(r)]


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _plain(moves: Array, chosen: Iterable[int], coordinates: Coordinates) -> Array:
    """Moves in ln θ or θ, not in φ; the small set to zero and the simple made exact."""
    scale, log = coordinates.scale, coordinates.logarithmic
    plain = np.where(np.abs(moves) < _SAME, 0.0, moves)
    plain = plain * scale[:, np.newaxis] / scale[list(chosen)]
    for k, j in enumerate(chosen):
        for i in range(len(plain)):
            if log[i] and log[j]:
                simple = float(Fraction(plain[i, k]).limit_denominator(4))
                if abs(simple - plain[i, k]) < _SAME:
                    plain[i, k] = simple
    return plain


def _combination(weights: Array, coordinates: Coordinates) -> str:
    """A known combination: a product of powers, or a sum."""
    used = np.flatnonzero(weights)
    names, log = coordinates.names, coordinates.logarithmic
    if len(used) == 1:
        return str(names[used[0]])
    if not log[used].all():
        terms = [(weights[k], f"ln {names[k]}" if log[k] else names[k]) for k in used]
        first, *others = [f"{_signed(weight)}{name}" for weight, name in terms]
        return " ".join([first.removeprefix("+ "), *others])
    weights = _scaled(weights, used)
    above = " ".join(_power(names[k], weights[k]) for k in used if weights[k] > 0)
    below = " ".join(_power(names[k], -weights[k]) for k in used if weights[k] < 0)
    if below and np.sum(weights < 0) > 1:
        below = f"({below})"
    text = f"{above or '1'}/{below}" if below else above
    return f"√({text})" if len(used) == 2 and np.all(np.abs(weights[used]) == 1) else text


def _scaled(weights: Array, used: NDArray[np.intp]) -> Array:
    """Exponents as whole or half numbers where that is what they are; else the largest is one."""
    sizes = np.abs(weights[used])
    halves = 2 * sizes / sizes.min()
    plain = np.all(np.abs(halves - np.round(halves)) < 2 * _SAME) and halves.max() <= _LARGEST
    unit = float(sizes.min() if plain else sizes.max())
    return np.asarray(weights / unit)


def _move(move: Array, coordinates: Coordinates) -> str:
    """A direction: how each parameter that moves does so."""
    moving = np.flatnonzero(move)
    names, log = coordinates.names, coordinates.logarithmic
    if log[moving].all():
        parts = [f"{names[k]}{' ' if move[k] > 0 else '/'}{_power('s', move[k])}" for k in moving]
        return f"({', '.join(parts)})"
    parts = [f"{'ln ' if log[k] else ''}{names[k]} {_signed(move[k])}t" for k in moving]
    return f"({', '.join(parts)})"


def _power(name: str, exponent: float) -> str:
    size = abs(exponent)
    return name if abs(size - 1) < 1e-6 else f"{name}^{size:.2g}"


def _signed(factor: float) -> str:
    size = "" if abs(abs(factor) - 1) < 1e-6 else f"{abs(factor):.2g} "
    return f"{'−' if factor < 0 else '+'} {size}"
