"""TARP: coverage of regions around reference points (Lemos et al. 2023, arXiv:2302.03026)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import (
    CalibrationSet,
    chunks,
    moments,
    numeric,
    read_calibration,
    recorded,
)
from sbiwb.diagnostics._grade import FAIL, WARN, check_levels, judged, significance, worse
from sbiwb.diagnostics._misfit import describe_misfit
from sbiwb.diagnostics._ranks import TIES_TOLERATED, Ranks, rank
from sbiwb.diagnostics._references import far_points, predicted_points, random_points
from sbiwb.errors import DataError, UsageError, unknown_name
from sbiwb.rng import stream

if TYPE_CHECKING:
    from sbiwb.result import Result

NAME = "tarp"


def tarp(
    theta: ArrayLike,
    samples: ArrayLike,
    x: ArrayLike | None = None,
    references: ArrayLike | str | None = None,
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
    warn: float = WARN,
    fail: float = FAIL,
) -> Verdict:
    """Test whether draws are from the posterior, by coverage of regions around reference points.

    For simulation i, f_i is the share of draws nearer to a reference point than the true parameters
    are, in parameters divided by their prior width.  If the draws are exact, f_i is uniform
    whatever the references: the curve, the share of f below alpha, is the diagonal.

    Parameters
    ----------
    theta : array, shape (N, d)
        True parameters of N ≥ 50 simulations, drawn from the prior.
    samples : array, shape (L, N, d)
        L ≥ 20 independent draws from the posterior of each.
    x : array, shape (N, ...), optional
        Their data.  Without x, a posterior that ignores the data cannot be told from a right one.
    references : array of shape (N, d), or str, optional
        Reference points in the units of theta; they may depend on x, never on theta or samples.
        Or one rule: ``random``, ``predicted`` (from x) or ``far`` (see Notes).
        All rules that apply, by default.
    names : sequence of str, optional
        Parameter names for messages.
    seed : int
        For random references, the order in which rules learn, and ties.
    warn, fail : float
        p-values below which the outcome is WARN and FAIL.  An exact posterior fails with a
        probability of `fail` at most.

    Returns
    -------
    Verdict
        Its curve is that of the rule which departs most: `alpha`, the expected coverage `ecp`, and
        a band, `low` to `high`, that contains the curves of *all* rules at all alpha with
        probability 1 − `warn` if the draws are exact.  UNKNOWN if there are too few simulations
        or draws to tell, a parameter is constant, or too many draws equal the truth.

    Raises
    ------
    DataError
        If shapes disagree or the arrays are not numeric.
    UsageError
        If a level, the seed or the name of a rule is wrong.

    Notes
    -----
    Rules: ``random`` is the paper's; ``predicted`` regresses theta on x, and sees wrong widths and
    neglect of x; ``far`` looks along the direction in which truths lay off their draws so far, and
    sees bias.  What a rule learns, it learns from other simulations than those it is used for.

    p-values rest on the raw f, not on the binned curve, and are Bonferroni-corrected for the number
    of rules (see `sbiwb.diagnostics._ranks` for the tests).  Theta sets the parameters' scale, an
    asymmetry to the draws that falls as 1 / N.  Draws of a Markov chain must be thinned:
    correlated draws look like too narrow a posterior.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> rng = np.random.default_rng(1)
    >>> theta = rng.normal(size=(500, 2))
    >>> x = theta + rng.normal(size=(500, 2))
    >>> exact = x / 2 + np.sqrt(0.5) * rng.normal(size=(200, 500, 2))
    >>> str(sbiwb.tarp(theta, exact, x).outcome)
    'pass'
    >>> str(sbiwb.tarp(theta, rng.normal(size=(200, 500, 2)), x).outcome)  # the prior
    'fail'
    """
    check_levels(warn, fail)
    given = read_calibration(theta, samples, x, names)
    calibration = given.varying()
    if calibration.refused is not None:
        return calibration.refusal(NAME)
    problem = _standardise(calibration, seed)
    points = _reference_points(problem, references, given, seed)
    ranks = _ranks(problem, points, seed)
    p_values = {rule: r.p_value for rule, r in ranks.items()}
    worst = min(p_values, key=lambda rule: p_values[rule])
    p_value = min(1.0, len(ranks) * p_values[worst])
    alpha, ecp, low, high = ranks[worst].curve(1 - warn / len(ranks))
    message, at_best = _sentence(problem, ranks[worst], points[worst], p_value < warn)
    return judged(
        NAME,
        p_value,
        message,
        {"alpha": alpha, "ecp": ecp, "low": low, "high": high},
        warn=warn,
        fail=fail,
        at_best=at_best,
    )


def check(result: Result) -> list[Verdict]:
    """Judge the calibration set of a result; nothing if it has none."""
    found = recorded(result)
    if found is None:
        return []
    return found.placed(
        tarp(found.theta, found.samples, found.x, names=found.names, seed=result.seed)
    )


@dataclass(frozen=True)
class _Standardised:
    """A calibration set in random order, with the scale its distances are measured in."""

    calibration: CalibrationSet
    order: NDArray[np.intp]
    location: Array
    scale: Array
    theta: Array
    mean: Array
    sd: Array

    def scaled(self, values: Array) -> Array:
        return np.asarray((values - self.location) / self.scale)


def _standardise(calibration: CalibrationSet, seed: int) -> _Standardised:
    order = stream(seed, NAME, "order").permutation(len(calibration.theta))
    location, scale = calibration.theta.mean(axis=0), calibration.theta.std(axis=0)
    mean, sd = moments(calibration.samples)
    theta = (calibration.theta - location) / scale
    return _Standardised(calibration, order, location, scale, theta, mean, sd)


def _reference_points(
    problem: _Standardised, references: ArrayLike | str | None, given: CalibrationSet, seed: int
) -> dict[str, Array]:
    """Reference points of each rule, standardised, in the order of the simulations."""
    x = problem.calibration.x
    rules: dict[str, Callable[[Array], Array]] = {
        "random": lambda theta: random_points(theta, stream(seed, NAME, "references")),
        "far": lambda theta: far_points(theta, problem.scaled(problem.mean)[problem.order]),
    }
    if x is not None:
        rules["predicted"] = lambda theta: predicted_points(theta, x[problem.order])
    if references is None:
        chosen = rules
    elif isinstance(references, str):
        if references == "predicted" and x is None:
            raise UsageError("references predicted from x need x", remedy="pass x=<array (N, …)>")
        if references not in rules:
            raise unknown_name("rule for references", references, [*rules, "predicted"])
        chosen = {references: rules[references]}
    else:
        return {"given": problem.scaled(_given_points(references, given, problem.calibration))}
    back = np.argsort(problem.order)
    return {rule: make(problem.theta[problem.order])[back] for rule, make in chosen.items()}


def _given_points(references: ArrayLike, given: CalibrationSet, left: CalibrationSet) -> Array:
    points = numeric("references", references)
    expected = (len(given.kept), len(given.names))
    if points.shape != expected:
        raise DataError("references have the wrong shape", got=points.shape, expected=expected)
    columns = [given.names.index(name) for name in left.names]
    points = points[given.kept][:, columns]
    if not np.isfinite(points).all():
        raise DataError("references are not finite")
    return points


def _ranks(problem: _Standardised, points: dict[str, Array], seed: int) -> dict[str, Ranks]:
    """Rank every truth by its distance to each rule's reference points among its draws."""
    samples = problem.calibration.samples
    # The truth goes through the same arithmetic as the draws, so that equal points tie exactly.
    truth = {rule: _distance(problem.theta[np.newaxis], at) for rule, at in points.items()}
    less = {rule: np.zeros(len(problem.theta), dtype=np.intp) for rule in points}
    ties = {rule: np.zeros(len(problem.theta), dtype=np.intp) for rule in points}
    for chunk in chunks(samples):
        draws = problem.scaled(chunk)
        for rule, at in points.items():
            distance = _distance(draws, at)
            less[rule] += np.count_nonzero(distance < truth[rule], axis=0)
            ties[rule] += np.count_nonzero(distance == truth[rule], axis=0)
    return {
        rule: rank(less[rule], ties[rule], len(samples), stream(seed, NAME, "ties", rule))
        for rule in points
    }


def _distance(points: Array, references: Array) -> Array:
    """Squared distance of (l, N, d) to (N, d)."""
    apart = points - references
    return np.asarray(np.einsum("lnd,lnd->ln", apart, apart))


def _sentence(
    problem: _Standardised, ranks: Ranks, references: Array, departs: bool
) -> tuple[str, Outcome]:
    """What to say, and the best outcome that can be given."""
    calibration = problem.calibration
    at_best = calibration.at_best
    if departs:
        message = describe_misfit(
            calibration.theta, problem.mean, problem.sd, ranks.draws, calibration.names
        )
        if message is None:
            message = _unexplained(problem, references, ranks.draws)
    else:
        message = (
            f"coverage is right within chance over {len(ranks.u)} simulations "
            f"of {ranks.draws} draws"
        )
        if calibration.x is None:
            message += "; without x, a posterior that ignores the data would pass too"
        if ranks.tied > TIES_TOLERATED:
            at_best = worse(at_best, Outcome.UNKNOWN)
            message = f"cannot tell: in {ranks.tied:.0%} of the simulations a draw equals the truth"
    return calibration.noted(message), at_best


def _unexplained(problem: _Standardised, references: Array, draws: int) -> str:
    """The sentence where means and widths are right on average, yet coverage is not."""
    truth = np.sum((problem.theta - references) ** 2, axis=1)
    spread = np.sum((problem.sd / problem.scale) ** 2, axis=1)
    expected = np.sum((problem.scaled(problem.mean) - references) ** 2, axis=1)
    # A draw's mean squared distance exceeds that of the draws' mean by their variance, up to 1 / L.
    nearer = expected + spread * (1 - 1 / draws) - truth
    if nearer.mean() > significance(FAIL) * nearer.std() / np.sqrt(len(nearer)):
        return (
            "the posterior neglects data: the truth lies nearer than the draws to what x predicts, "
            "though the draws are right on average, as those of the prior are"
        )
    return (
        "the posterior has the wrong shape: coverage departs from the diagonal, though means and "
        "widths are right on average"
    )
