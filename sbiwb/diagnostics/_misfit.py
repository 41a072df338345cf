"""What is wrong with a posterior, in words: where its draws lie about the true values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.diagnostics._grade import FAIL, significance


def describe_misfit(
    theta: Array, mean: Array, sd: Array, draws: int, names: Sequence[str]
) -> str | None:
    """Name the clearest of bias, too small and too great a width; None if none stands out.

    For exact draws, z = (theta − mean of the draws) / (their standard deviation) has mean 0 and
    variance 1 in every parameter, averaged over the prior.

    Parameters
    ----------
    theta : ndarray, shape (N, d)
        True values.
    mean, sd : ndarray, shape (N, d)
        Of the draws.
    draws : int
        Their number L per simulation.
    names : sequence of str
        One a parameter.
    """
    # Standard errors beyond which the clearest of 2 d numbers is no accident.
    best, sentence = significance(FAIL / (2 * len(names))), None
    # Mean and deviation come from L draws: the variance of z exceeds 1 by this factor.
    inflation = (1 + 1 / draws) * (draws - 1) / (draws - 3)
    for k, name in enumerate(names):
        some = sd[:, k] > 1e-12 * np.maximum(np.abs(mean[:, k]), theta[:, k].std())
        if np.mean(some) < 0.5:
            return f"the posterior has no width: the draws of '{name}' do not vary"
        z = (theta[some, k] - mean[some, k]) / (sd[some, k] * np.sqrt(inflation))
        bias, width = z.mean(), z.std()
        squares = (z - bias) ** 2
        found = {
            _bias_text(bias, name): abs(bias) / _standard_error(z),
            _width_text(width, name): abs(squares.mean() - 1) / _standard_error(squares),
        }
        clearest = max(found, key=lambda text: found[text])
        if found[clearest] > best:
            best, sentence = found[clearest], clearest
    return sentence


def _standard_error(values: Array) -> float:
    return max(float(values.std() / np.sqrt(len(values))), 1e-300)


def _bias_text(bias: float, name: str) -> str:
    side = "above" if bias > 0 else "below"
    return (
        f"the posterior is biased: the true '{name}' lies on average {abs(bias):.2g} posterior "
        f"standard deviations {side} the mean of the draws"
    )


def _width_text(width: float, name: str) -> str:
    wrong = "narrow" if width > 1 else "wide"
    return (
        f"the posterior is too {wrong}: true values of '{name}' scatter {width:.2g} times as far "
        "from the mean of the draws as the draws do"
    )
