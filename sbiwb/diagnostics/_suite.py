"""All calibration checks at once, of draws from any source."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from sbiwb.core.verdict import Verdict
from sbiwb.diagnostics._calibration import read_calibration
from sbiwb.diagnostics._family import corrected
from sbiwb.diagnostics.correlations import correlations
from sbiwb.diagnostics.expected_coverage import expected_coverage
from sbiwb.diagnostics.lc2st import lc2st
from sbiwb.diagnostics.power import power
from sbiwb.diagnostics.sbc import sbc
from sbiwb.diagnostics.sharpness import sharpness
from sbiwb.diagnostics.tarp import tarp


def check_draws(
    theta: ArrayLike,
    samples: ArrayLike,
    x: ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    log_prob_theta: ArrayLike | None = None,
    log_prob_samples: ArrayLike | None = None,
    log_likelihood_theta: ArrayLike | None = None,
    log_likelihood_samples: ArrayLike | None = None,
    draws: ArrayLike | None = None,
    observed: ArrayLike | None = None,
    seed: int = 0,
) -> list[Verdict]:
    """Run every calibration check on a calibration set, with one error rate for all.

    Parameters
    ----------
    theta : array, shape (N, d)
        True parameters of N ≥ 50 simulations, drawn from the prior.
    samples : array, shape (L, N, d)
        L ≥ 20 independent draws from the posterior of each.
    x : array, shape (N, ...), optional
        Their data.  Without x and log-likelihoods, a posterior that ignores the data cannot be told
        from a right one.
    names : sequence of str, optional
        Parameter names.
    log_prob_theta, log_prob_samples : array, shapes (N,) and (L, N), optional
        Log density of each posterior, up to a constant of its own, at the truth and at the draws.
    log_likelihood_theta, log_likelihood_samples : array, shapes (N,) and (L, N), optional
        Log-likelihood of each datum, up to a constant of its own, likewise.
    draws, observed : array, shapes (M, d) and (...), optional
        Draws from the posterior of the real observation, and the observation.  With them, the
        posterior is also tested near the observation.
    seed : int
        Of random references, ties and permutations.

    Returns
    -------
    list of Verdict
        Of `sbiwb.tarp`, `sbiwb.sbc`, `sbiwb.expected_coverage`, `sbiwb.correlations` (of two or
        more parameters) and `sbiwb.lc2st`, Holm-corrected: an exact posterior gets a WARN or worse
        from any of them with a probability of 5 % at most.  `sbiwb.power` and `sbiwb.sharpness`
        say what that is worth.

    Raises
    ------
    DataError
        If shapes disagree or the arrays are not numeric.
    UsageError
        If the seed is wrong, or an argument is missing that another one needs.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> rng = np.random.default_rng(1)
    >>> theta = rng.normal(size=(500, 2))
    >>> x = theta + rng.normal(size=(500, 2))
    >>> samples = x / 2 + np.sqrt(0.5) * rng.normal(size=(100, 500, 2))
    >>> for verdict in sbiwb.check_draws(theta, samples, x):
    ...     print(verdict.outcome, verdict.name)
    pass tarp
    pass sbc[theta_0]
    pass sbc[theta_1]
    pass expected_coverage
    pass correlations
    pass power
    pass sharpness
    """
    d = len(read_calibration(theta, samples, x, names).names)
    verdicts = [
        tarp(theta, samples, x, names=names, seed=seed),
        *sbc(
            theta,
            samples,
            names=names,
            log_likelihood_theta=log_likelihood_theta,
            log_likelihood_samples=log_likelihood_samples,
            seed=seed,
        ),
        expected_coverage(
            theta,
            samples,
            log_prob_theta=log_prob_theta,
            log_prob_samples=log_prob_samples,
            names=names,
            seed=seed,
        ),
    ]
    if d > 1:
        verdicts.append(correlations(theta, samples, names=names, seed=seed))
    if draws is not None:
        near = None if observed is None else x
        verdicts.append(lc2st(theta, samples, draws, near, observed, names=names, seed=seed))
    verdicts += [power(theta, samples, names=names), sharpness(theta, samples, names=names)]
    return corrected(verdicts)
