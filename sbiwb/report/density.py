"""Smooth densities of posterior draws that stop where the prior stops.

Draws are binned, and the bins smoothed with a Gaussian kernel.  A kernel that reaches over a hard
bound of the prior loses what lies beyond; fitting a plane to the bins under it, weighted by what
is left of the kernel, makes up for that to first order in the bandwidth (Jones 1993, Stat. Comput.
3, 135), for straight and slanted bounds alike.  This is also how GetDist does it (Lewis 2019,
arXiv 1910.13970), in other words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import dct
from scipy.optimize import brentq
from scipy.signal import fftconvolve

from sbiwb.core.distributions import Array, Mask

_REACH = 4.0  # of the kernel, in bandwidths
_TILTED = 0.4  # correlation from which on the kernel is tilted
_SHARP = 1.3  # how much broader a kernel may be whose broadening is undone


@dataclass(frozen=True)
class Window:
    """Part of an axis to show: its ends, and the hard bounds of the prior.

    A `low` or `high` that equals the bound shows the density up to there.
    """

    low: float
    high: float
    support: tuple[float, float]


@dataclass(frozen=True)
class Density:
    """A density at the centres of equal cells.

    Parameters
    ----------
    centres : tuple of ndarray
        Cell centres along each axis.
    values : ndarray
        Density, first axis first; integrates to one over the cells that the prior allows.
    inside : ndarray of bool
        Cells that the prior allows.
    """

    centres: tuple[Array, ...]
    values: Array
    inside: Mask

    def level(self, mass: float) -> float:
        """Density at the border of the smallest region that holds `mass`."""
        ordered = np.sort(self.values[self.inside])[::-1]
        cumulative = np.cumsum(ordered)
        return float(ordered[np.searchsorted(cumulative, mass * cumulative[-1])])


def density_1d(draws: Array, window: Window, effective: float, cells: int = 160) -> Density:
    """Density of one parameter.

    Parameters
    ----------
    draws : ndarray, shape (n,)
    window : Window
    effective : float
        Effective number of draws, which sets the bandwidth.
    cells : int
        Cells over the window.
    """
    h = bandwidth(draws, effective, support=window.support)
    grid = _Grid.around([window], [h], cells)
    offsets = grid.offsets([h])
    kernel = np.exp(-0.5 * (offsets[0] / h) ** 2)
    return grid.smooth(draws[:, np.newaxis], kernel, offsets, None)


def density_2d(
    draws: Array,
    windows: tuple[Window, Window],
    effective: float,
    allowed: tuple[float, float, float] | None = None,
    cells: int = 128,
) -> Density:
    """Joint density of two parameters.

    Parameters
    ----------
    draws : ndarray, shape (n, 2)
    windows : pair of Window
    effective : float
        Effective number of draws, which sets the bandwidth.
    allowed : tuple of float, optional
        ``(a, b, c)``: the prior also demands a·x + b·y < c.
    cells : int
        Cells over each window.

    Notes
    -----
    The kernel follows the principal axes of correlated draws, so that thin ellipses stay thin;
    along each axis its width is the bandwidth of the draws projected on it.
    """
    scale = np.std(draws, axis=0)
    correlation = np.atleast_2d(np.corrcoef(draws.T))
    axes = np.linalg.eigh(correlation)[1] if abs(correlation[0, 1]) > _TILTED else np.eye(2)
    projected = (draws / scale) @ axes
    bounds = [tuple(np.array(w.support) / s) for w, s in zip(windows, scale, strict=True)]
    if axes[0, 1] != 0:  # tilted: bounds are not at right angles to the projection
        bounds = [(-np.inf, np.inf)] * 2
    widths = np.array(
        [bandwidth(p, effective, 2, b) for p, b in zip(projected.T, bounds, strict=True)]
    )
    spread = axes * widths  # columns: principal axes of the kernel, in units of `scale`
    covariance = spread @ spread.T * np.outer(scale, scale)
    reach = np.sqrt(np.diag(covariance))
    grid = _Grid.around(list(windows), list(reach), cells)
    # A kernel thinner than a cell would miss the bins.
    covariance = covariance + np.diag((0.6 * grid.steps) ** 2)
    offsets = grid.offsets(np.sqrt(np.diag(covariance)))
    inverse = np.linalg.inv(covariance)
    x, y = np.meshgrid(*offsets, indexing="ij")
    exponent = inverse[0, 0] * x**2 + 2 * inverse[0, 1] * x * y + inverse[1, 1] * y**2
    return grid.smooth(draws, np.exp(-0.5 * exponent), offsets, allowed)


def bandwidth(
    x: Array,
    effective: float,
    dimensions: int = 1,
    support: tuple[float, float] = (-np.inf, np.inf),
) -> float:
    """Standard deviation of the Gaussian kernel for draws `x` of one quantity.

    Parameters
    ----------
    x : ndarray, shape (n,)
    effective : float
        Effective number of draws.
    dimensions : int
        Of the density that the quantity is part of.
    support : tuple of float
        Bounds at which the density may end abruptly.

    Notes
    -----
    The improved Sheather–Jones rule (Botev, Grotowski & Kroese 2010, Ann. Stat. 38, 2916), which
    sees several peaks, held between an eighth of and one and a half times Silverman's, which
    holds for one; in more dimensions both grow like their optimum.
    """
    quartiles = np.quantile(x, (0.25, 0.75))
    spread = min(float(np.std(x)), float(np.diff(quartiles)[0]) / 1.349) or float(np.std(x))
    silverman = 0.9 * spread * effective**-0.2
    chosen = float(np.clip(_sheather_jones(x, effective, support), silverman / 8, 1.5 * silverman))
    return float(_SHARP * chosen * effective ** (1 / 5 - 1 / (4 + dimensions)))


def _sheather_jones(
    x: Array, effective: float, support: tuple[float, float], bins: int = 512
) -> float:
    margin = 0.1 * float(np.ptp(x))
    # The cosines are mirrored at the ends of the range: at a bound, that hides the step.
    low = max(float(np.min(x)) - margin, support[0])
    high = min(float(np.max(x)) + margin, support[1])
    counts, edges = np.histogram(x, bins, (low, high))
    power = (dct(counts / len(x), type=2)[1:] / 2) ** 2
    squares = np.arange(1, bins, dtype=float) ** 2

    def functional(order: int, t: float) -> float:
        """Squared norm of the density's derivative of this order, smoothed by time t."""
        decay = np.exp(-squares * np.pi**2 * t)
        return float(2 * np.pi ** (2 * order) * np.sum(squares**order * power * decay))

    def excess(t: float) -> float:
        norm = functional(7, t)
        for order in range(6, 1, -1):
            odd = np.prod(np.arange(1, 2 * order, 2, dtype=float))
            constant = (1 + 0.5 ** (order + 0.5)) / 3 * odd * np.sqrt(2 / np.pi)
            time = (2 * constant / (effective * norm)) ** (2 / (3 + 2 * order))
            norm = functional(order, time)
        return float(t - (2 * effective * np.sqrt(np.pi) * norm) ** -0.4)

    # The fixed point lies well within: 0.1 would be a kernel a third of the range wide.
    with np.errstate(divide="ignore"):  # a flat density has no structure: infinitely wide
        ends = excess(1e-9), excess(0.1)
        if not (np.all(np.isfinite(ends)) and ends[0] < 0 < ends[1]):
            return float("inf")
        return float(np.sqrt(brentq(excess, 1e-9, 0.1)) * (edges[-1] - edges[0]))


@dataclass(frozen=True)
class _Grid:
    """Equal cells over windows, with `pads` more on each side for the kernel to reach into."""

    windows: tuple[Window, ...]
    cells: int
    pads: tuple[int, ...]

    @classmethod
    def around(cls, windows: list[Window], widths: list[float], cells: int) -> _Grid:
        steps = [(w.high - w.low) / cells for w in windows]
        pads = [
            min(int(np.ceil(_REACH * h / s)) + 1, cells) for h, s in zip(widths, steps, strict=True)
        ]
        return cls(tuple(windows), cells, tuple(pads))

    @property
    def steps(self) -> Array:
        return np.array([(w.high - w.low) / self.cells for w in self.windows])

    def edges(self, axis: int) -> Array:
        window, pad = self.windows[axis], self.pads[axis]
        return np.asarray(window.low + self.steps[axis] * np.arange(-pad, self.cells + pad + 1))

    def offsets(self, widths: list[float] | Array) -> list[Array]:
        """Distances from a cell to those under its kernel, along each axis."""
        out = []
        for step, width, pad in zip(self.steps, widths, self.pads, strict=True):
            reach = min(int(np.ceil(_REACH * width / step)), pad + self.cells // 2)
            out.append(step * np.arange(-reach, reach + 1))
        return out

    def smooth(
        self,
        draws: Array,
        kernel: Array,
        offsets: list[Array],
        allowed: tuple[float, float, float] | None,
    ) -> Density:
        edges = [self.edges(k) for k in range(len(self.windows))]
        counts, _ = np.histogramdd(draws, bins=edges)
        centres = [(e[1:] + e[:-1]) / 2 for e in edges]
        inside = self._inside(centres, allowed)
        scales = [float(o[-1]) for o in offsets]
        moments = np.meshgrid(*(o / s for o, s in zip(offsets, scales, strict=True)), indexing="ij")
        values = _local_plane(counts, inside, kernel, moments)
        values = _sharpened(values, counts, inside, kernel)
        crop = tuple(slice(pad, pad + self.cells) for pad in self.pads)
        values, inside = values[crop], inside[crop]
        values = values / (np.sum(values[inside]) * np.prod(self.steps))
        return Density(tuple(c[s] for c, s in zip(centres, crop, strict=True)), values, inside)

    def _inside(self, centres: list[Array], allowed: tuple[float, float, float] | None) -> Mask:
        mesh = np.meshgrid(*centres, indexing="ij")
        inside = np.ones(mesh[0].shape, dtype=bool)
        for values, window in zip(mesh, self.windows, strict=True):
            inside &= (values > window.support[0]) & (values < window.support[1])
        if allowed is not None:
            a, b, c = allowed
            inside &= a * mesh[0] + b * mesh[1] < c
        return inside


def _sharpened(values: Array, counts: Array, inside: Mask, kernel: Array) -> Array:
    """Undo what the kernel broadened: values × smoothed (counts / values), order h⁴ instead of h².

    Jones, Linton & Nielsen (1995), Biometrika 82, 327.
    """
    floor = 1e-6 * np.max(values)
    ratio = np.divide(counts, values, out=np.zeros_like(values), where=values > floor)
    # Where there are no draws the ratio is left at what it is on average, one.
    ratio = np.where(inside & (values <= floor), 1.0, ratio)
    mass = fftconvolve(inside.astype(float), kernel, mode="same")
    smooth = fftconvolve(ratio * inside, kernel, mode="same")
    factor = np.divide(smooth, mass, out=np.ones_like(values), where=mass > 1e-3 * np.sum(kernel))
    return np.asarray(values * np.clip(factor, 0.0, 3.0))


def _local_plane(counts: Array, inside: Mask, kernel: Array, moments: Sequence[Array]) -> Array:
    """Smooth `counts`, correcting for what lies outside to first order; zero where nothing is."""

    def under(values: Array, weights: Array) -> Array:
        return np.asarray(fftconvolve(values, weights, mode="same"))

    mask = inside.astype(float)
    mass = under(mask, kernel)
    # FFTs leave noise of 1e-16 of the peak where the true sum is zero.
    reached = mass > 1e-3 * np.sum(kernel)
    flat = np.divide(under(counts, kernel), mass, out=np.zeros_like(mass), where=reached)
    flat = np.maximum(flat, 0.0)
    if np.all(inside):
        return flat
    first = np.stack([under(mask, kernel * m) for m in moments], axis=-1)
    second = np.stack(
        [np.stack([under(mask, kernel * m * k) for k in moments], axis=-1) for m in moments],
        axis=-2,
    )
    of_counts = np.stack([under(counts, kernel * m) for m in moments], axis=-1)
    ridge = 1e-6 * np.sum(kernel) * np.eye(len(moments))
    slopes = np.linalg.solve(second + ridge, first[..., np.newaxis])[..., 0]
    below = mass - np.sum(first * slopes, axis=-1)
    above = under(counts, kernel) - np.sum(of_counts * slopes, axis=-1)
    good = reached & (below > 1e-6 * np.sum(kernel)) & (flat > 1e-9 * np.max(flat))
    plane = np.divide(above, below, out=flat.copy(), where=good)
    # Jones & Foster (1996): stays positive, and equals the plane where the correction is small.
    ratio = np.divide(plane, flat, out=np.ones_like(flat), where=good)
    return np.asarray(flat * np.exp(np.clip(ratio - 1, -2, 2)))
