"""How much the posterior would change with another prior, or with less trust in the data.

Prior and likelihood are raised to powers near one and the change of each marginal is measured
(Kallioinen et al. 2024, Statistics and Computing 34, 57, arXiv:2107.14054), as in ArviZ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import numeric, parameter_names
from sbiwb.errors import DataError

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "sensitivity"
LIMIT = 0.05
"""Of both sensitivities, as in the paper and ArviZ."""
POWERS = (0.99, 1.01)
FEWEST = 400


def sensitivity(
    draws: ArrayLike,
    log_prior: ArrayLike,
    log_likelihood: ArrayLike,
    *,
    names: Sequence[str] | None = None,
) -> Verdict:
    """Judge whether prior and data agree, by scaling each with a power near one.

    Parameters
    ----------
    draws : array, shape (n, d)
        n ≥ 400 draws from the posterior.
    log_prior, log_likelihood : array, shape (n,)
        At the draws, up to a constant.
    names : sequence of str, optional
        Parameter names.

    Returns
    -------
    Verdict
        WARN if the posterior of any parameter changes with the prior: with the likelihood too,
        prior and data contradict each other or share the work; without, the prior decides alone.
        The statistic is the larger sensitivity to the prior, and its curve holds both for each
        parameter.  UNKNOWN if there are too few draws, or densities are not finite.

    Raises
    ------
    DataError
        If shapes disagree or arrays are not numeric.

    Notes
    -----
    A flat prior has no sensitivity: whether its ends matter is asked by `walls`.

    Examples
    --------
    >>> import numpy as np
    >>> from sbiwb.diagnostics.sensitivity import sensitivity
    >>> rng = np.random.default_rng(1)
    >>> a = 2.5 + np.sqrt(0.5) * rng.normal(size=(2000, 1))  # a prior at 0 and a reading of 5
    >>> str(sensitivity(a, -0.5 * a[:, 0] ** 2, -0.5 * (a[:, 0] - 5) ** 2).outcome)
    'warn'
    """
    theta, prior, likelihood = (
        np.asarray(numeric(what, values), dtype=np.float64)
        for what, values in (
            ("draws", draws),
            ("the log prior", log_prior),
            ("the log-likelihood", log_likelihood),
        )
    )
    if theta.ndim != 2 or prior.shape != (len(theta),) or likelihood.shape != (len(theta),):
        raise DataError(
            "draws and densities have the wrong shapes",
            got=f"{theta.shape}, {prior.shape} and {likelihood.shape}",
            expected="(n, d), (n,) and (n,)",
        )
    d = theta.shape[1]
    called = parameter_names(names, d)
    finite = np.isfinite(theta).all(axis=1) & np.isfinite(prior) & np.isfinite(likelihood)
    if finite.sum() < max(FEWEST, 0.99 * len(theta)):
        why = f"{finite.sum()} of {len(theta)} draws have finite densities"
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: only {why}")
    theta, prior, likelihood = theta[finite], prior[finite], likelihood[finite]
    still = [name for k, name in enumerate(called) if np.ptp(theta[:, k]) == 0]
    if still:
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: '{still[0]}' never varies")
    try:
        to_prior = np.array([_scaled(column, prior) for column in theta.T])
        to_data = np.array([_scaled(column, likelihood) for column in theta.T])
    except ValueError as error:
        # Smoothing fits the tail of the weights, which is one point if draws repeat often enough.
        why = f"{len(np.unique(theta, axis=0))} distinct draws are too few ({error})"
        return Verdict(NAME, Outcome.UNKNOWN, f"cannot tell: {why}")
    worst = int(np.argmax(to_prior))
    value, name, data = float(to_prior[worst]), called[worst], float(to_data[worst])
    if value < LIMIT:
        outcome = Outcome.PASS
        message = "the prior's strength hardly matters" if value else "the prior is flat"
    else:
        outcome = Outcome.WARN
        message = (
            f"prior and data contradict each other or share the work on '{name}'"
            if data >= LIMIT
            else f"the prior decides on '{name}'"
        )
    message += f" (sensitivity of '{name}' {value:.2g} to the prior, {data:.2g} to the data)"
    curve = {
        "parameter": np.arange(float(d)).tolist(),
        "prior": to_prior.tolist(),
        "likelihood": to_data.tolist(),
    }
    return Verdict(NAME, outcome, message, value, LIMIT, curve=curve)


def check(result: Result) -> list[Verdict]:
    """Judge a result whose draws carry their density."""
    stats = result.tree["sample_stats"].to_dataset()
    if result.problem is None or "lp" not in stats:
        return []
    draws = result.samples()
    log_prior = result.problem.prior.log_prob(draws)
    # Up to a constant, whatever the method: of a learned posterior it is the likelihood it implies.
    log_likelihood = stats["lp"].transpose("chain", "draw").values.ravel() - log_prior
    return [sensitivity(draws, log_prior, log_likelihood, names=result.names)]


def _scaled(column: Array, log_density: Array) -> float:
    """Change of a marginal with the power of a density."""
    if np.ptp(log_density) <= 1e-9 * max(1.0, float(np.abs(log_density).max())):
        return 0.0
    weights = []
    for power in POWERS:
        log_weight = _arviz().power_scale_lw(log_density[np.newaxis], alpha=power, axis=(0, 1))
        weight = np.exp(log_weight - np.max(log_weight))
        weights.append(weight / weight.sum())
    found = _arviz().power_scale_sense(
        column[np.newaxis], *weights, *POWERS, chain_axis=0, draw_axis=1
    )
    return float(found)


def _arviz() -> Any:
    # Imported on use: it is slow to import, and most commands do not need it.
    from arviz_stats import base

    return base.array_stats  # type: ignore[attr-defined]
