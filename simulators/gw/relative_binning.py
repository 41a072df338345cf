"""Relative binning: inner products from the smooth ratio of a signal to a reference signal.

Where the likelihood is not negligible, h(f)/h₀(f) varies slowly, so that it is had at the edges of
some hundred bins and linear between them (Cornish 2010, arXiv:1007.4820; Zackay, Dai & Venumadhav
2018, arXiv:1806.08792).  Waveforms are then evaluated at the edges only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbiwb.core.distributions import Array

Complex = NDArray[np.complex128]
# Powers of the frequency in the phase of a post-Newtonian inspiral, and the arrival time's.
_POWERS = np.array([-5 / 3, -2 / 3, 1.0, 5 / 3, 7 / 3])


class RelativeBinning:
    """Inner products of whitened signals with data and with themselves.

    Parameters
    ----------
    frequencies : ndarray, shape (n,)
        Rising, in Hz.
    reference, data : ndarray of complex, shape (channels, n)
        A signal near the best one, and the data; real and imaginary parts have unit noise.
    bins : int
        Number of bins wanted.

    Attributes
    ----------
    edges : ndarray, shape (e,)
        Frequencies between which signals are taken as linear relative to the reference; at most
        ``bins + 1``.
    at : ndarray of int, shape (e,)
        Their places among the frequencies.
    """

    def __init__(self, frequencies: Array, reference: Complex, data: Complex, bins: int) -> None:
        self.at = bin_edges(frequencies, bins)
        self.edges = frequencies[self.at]
        inner = self.at[:-1]
        # Position in the bin, 0 to 1; the last frequency closes the last bin.
        which = np.searchsorted(self.at, np.arange(len(frequencies)), "right") - 1
        which = np.minimum(which, len(inner) - 1)
        place = (frequencies - self.edges[which]) / np.diff(self.edges)[which]
        cross, power = data.conj() * reference, np.abs(reference) ** 2

        def total(values: NDArray[Any]) -> NDArray[Any]:
            return np.add.reduceat(values, inner, axis=-1)

        # Weights of the ratio at the edges: those of a bin's left and right edge, put together.
        self._cross = _at_edges(total(cross * (1 - place)), total(cross * place))
        self._power = _at_edges(total(power * (1 - place) ** 2), total(power * place**2))
        self._mixed = 2 * total(power * place * (1 - place))

    def products(self, ratio: Complex) -> tuple[Complex, Array]:
        """Inner products of signals, given as signal/reference at the edges.

        Parameters
        ----------
        ratio : ndarray of complex, shape (m, channels, e)

        Returns
        -------
        with_data : ndarray of complex, shape (m,)
            Σ d* h over frequencies and channels.
        with_itself : ndarray, shape (m,)
            Σ |h|².  ln L − ln L(noise) is Re Σ d* h − Σ |h|²/2.
        """
        with_data = np.einsum("mce,ce->m", ratio, self._cross)
        left, right = ratio[..., :-1], ratio[..., 1:]
        mixed = left.real * right.real + left.imag * right.imag
        square = ratio.real**2 + ratio.imag**2
        with_itself = np.einsum("mce,ce->m", square, self._power)
        with_itself += np.einsum("mce,ce->m", mixed, self._mixed)
        return with_data, with_itself


def _at_edges(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    out = np.zeros((*left.shape[:-1], left.shape[-1] + 1), dtype=left.dtype)
    out[..., :-1] += left
    out[..., 1:] += right
    return out


def bin_edges(frequencies: Array, bins: int) -> NDArray[np.intp]:
    """Indices of bin edges between which all terms of an inspiral's phase change alike."""
    low, high = frequencies[0], frequencies[-1]
    pivot = np.where(_POWERS < 0, low, high)
    terms = np.sign(_POWERS) * (frequencies[:, np.newaxis] / pivot) ** _POWERS
    phase = terms.sum(axis=1)
    wanted = np.linspace(phase[0], phase[-1], bins + 1)
    found = np.unique(np.searchsorted(phase, wanted, "left").clip(0, len(frequencies) - 1))
    found[0], found[-1] = 0, len(frequencies) - 1
    return found
