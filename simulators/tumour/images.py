"""What a scanner shows of a tumour: outlines in MRI, uptake in PET; drawn, and their likelihood.

T1 with gadolinium outlines the core, FLAIR the oedema around it.  A voxel lies inside an outline
with probability α(c) = ½ + ½ sgn(c − τ) (1 − exp(−(c − τ)²/σ²)), independently of the others: sure
far from the threshold τ, a toss-up at it.  PET uptake is c times a scale, with Gaussian noise
(Menze et al. 2011; Lipková et al. 2019, arXiv:1807.00499).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array

BLUR = 0.05
"""σ: how far from the threshold, in c, an outline may still be wrong."""
OUTLINES = {"t1gd": 0.6, "flair": 0.2}
"""Outlines and their thresholds in c (Lipková et al. 2019)."""
CHANNELS = (*OUTLINES, "pet")


def log_inside(c: Array, threshold: Array | float) -> tuple[Array, Array]:
    """log α and log (1 − α), exact in both tails; shape of c."""
    distance = (c - threshold) / BLUR
    # Half of exp(−d²) is the probability of the less likely side.
    log_less = -(distance**2) - math.log(2)
    log_more = np.log1p(-np.exp(log_less))
    above = distance > 0
    return np.where(above, log_more, log_less), np.where(above, log_less, log_more)


class Images:
    """Channels of one examination, on the voxels of tissue.

    Parameters
    ----------
    channels : sequence of str
        Some of ``t1gd``, ``flair``, ``pet``.
    tissue : ndarray of bool, shape (*grid)
    pet_noise : float
        Standard deviation of the noise of PET, in units of the uptake at c = 1.
    """

    def __init__(
        self, channels: tuple[str, ...], tissue: NDArray[np.bool_], pet_noise: float
    ) -> None:
        self.channels = channels
        self.tissue = tissue
        self.pet_noise = pet_noise

    @property
    def outlines(self) -> tuple[str, ...]:
        """The channels that are outlines."""
        return tuple(channel for channel in self.channels if channel in OUTLINES)

    def mean(self, c: Array, thresholds: Array) -> Array:
        """Expected images of n tumours; shape (n, channels, voxels of tissue).

        Parameters
        ----------
        c : ndarray, shape (n, voxels of tissue)
        thresholds : ndarray, shape (n, outlines)
        """
        mean = np.empty((len(c), len(self.channels), c.shape[1]))
        for k, channel in enumerate(self.channels):
            if channel in OUTLINES:
                threshold = thresholds[:, self.outlines.index(channel), np.newaxis]
                mean[:, k] = np.exp(log_inside(c, threshold)[0])
            else:
                mean[:, k] = c
        return mean

    def draw(self, mean: Array, rng: np.random.Generator) -> Array:
        """Draw images with the given mean; same shape."""
        x = np.empty_like(mean)
        for k, channel in enumerate(self.channels):
            if channel in OUTLINES:
                x[:, k] = rng.random(mean[:, k].shape) < mean[:, k]
            else:
                x[:, k] = mean[:, k] + self.pet_noise * rng.standard_normal(mean[:, k].shape)
        return x

    def log_likelihood(self, c: Array, thresholds: Array, x: Array) -> Array:
        """log p(x | c), normalised over the voxels of tissue; shape (n,).

        Parameters
        ----------
        c : ndarray, shape (n, voxels of tissue)
        thresholds : ndarray, shape (n, outlines)
        x : ndarray, shape (n, channels, voxels of tissue) or without the first axis
            An outline that is neither 0 nor 1 has probability zero.
        """
        x = np.broadcast_to(x, (len(c), *x.shape[-2:]))
        total = np.zeros(len(c))
        for k, channel in enumerate(self.channels):
            if channel in OUTLINES:
                threshold = thresholds[:, self.outlines.index(channel), np.newaxis]
                inside, outside = log_inside(c, threshold)
                seen = x[:, k]
                total += np.where(seen == 1, inside, outside).sum(axis=1)
                total[np.any((seen != 0) & (seen != 1), axis=1)] = -np.inf
            else:
                residual = (x[:, k] - c) / self.pet_noise
                constant = math.log(self.pet_noise) + 0.5 * math.log(2 * math.pi)
                total -= 0.5 * np.sum(residual**2, axis=1) + constant * c.shape[1]
        return total

    def whole(self, x: Array) -> Array:
        """Voxels of tissue (…, voxels) on their grid, zero elsewhere; shape (…, *grid)."""
        grid = np.zeros((*x.shape[:-1], *self.tissue.shape))
        grid[..., self.tissue] = x
        return grid

    def cut(self, x: Array) -> Array:
        """Inverse of `whole`."""
        return x[..., self.tissue]
