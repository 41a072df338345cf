"""Simulation-based calibration: ranks of true parameters among posterior draws.

Talts et al. 2018, arXiv:1804.06788; data-dependent quantities: Modrák et al. 2023,
arXiv:2211.02383.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._calibration import (
    CalibrationSet,
    chunks,
    moments,
    read_calibration,
    read_density,
    recorded,
)
from sbiwb.diagnostics._grade import FAIL, WARN, check_levels, judged, worse
from sbiwb.diagnostics._loss import lost_and_kept
from sbiwb.diagnostics._misfit import describe_misfit
from sbiwb.diagnostics._ranks import TIES_TOLERATED, Ranks, rank
from sbiwb.errors import DataError
from sbiwb.rng import stream

if TYPE_CHECKING:
    from sbiwb.result import Result

LOG_PROB = "log_prob"
LOG_LIKELIHOOD = "log_likelihood"
SOME_LOST = "the posterior loses information, which need not show in its coverage"
MOST_LOST = "the posterior loses more information than it keeps"


def sbc(
    theta: ArrayLike,
    samples: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    log_prob_theta: ArrayLike | None = None,
    log_prob_samples: ArrayLike | None = None,
    log_likelihood_theta: ArrayLike | None = None,
    log_likelihood_samples: ArrayLike | None = None,
    seed: int = 0,
    warn: float = WARN,
    fail: float = FAIL,
) -> list[Verdict]:
    """Test each parameter's ranks for uniformity.

    Parameters
    ----------
    theta : array, shape (N, d)
        True parameters of N ≥ 50 simulations, drawn from the prior.
    samples : array, shape (L, N, d)
        L ≥ 20 independent draws from the posterior of each.
    names : sequence of str, optional
        Parameter names; ``theta_0``, ``theta_1``, … by default.
    log_prob_theta : array, shape (N,), optional
        Log density of each posterior, up to a constant of its own, at the truth.
    log_prob_samples : array, shape (L, N), optional
        The same at the draws, or at the first l of them.
    log_likelihood_theta, log_likelihood_samples : array, shapes (N,) and (L, N), optional
        Log-likelihood of each datum, up to a constant of its own, likewise.
        As a quantity that depends on x it sees what ranks of parameters cannot: a posterior that
        equals the prior, or has the wrong correlations.  Draws that are less likely than the
        truth get a WARN instead of a FAIL if they keep more information than they lose: such a
        posterior may well be calibrated, given the part of the data that it uses.
    seed : int
        Breaks ties.
    warn, fail : float
        p-values below which outcomes are WARN and FAIL.  An exact posterior gets any FAIL at all
        with a probability of `fail` at most.

    Returns
    -------
    list of Verdict
        ``sbc[<name>]`` for each parameter, ``sbc[log_prob]`` and ``sbc[log_likelihood]``.
        p-values are Holm-corrected for the number of quantities.  Curves: rank `u`, the
        `difference` between the distribution of ranks and the uniform one, and its band, `low` to
        `high`, in which the curves of all quantities lie with probability 1 − `warn` if the draws
        are exact.

    Raises
    ------
    DataError
        If shapes disagree or the arrays are not numeric.
    UsageError
        If a level or the seed is wrong, or only one of the log densities is given.

    Notes
    -----
    The tests are described at `sbiwb.diagnostics._ranks.Ranks.p_value`.

    Examples
    --------
    >>> import numpy as np
    >>> import sbiwb
    >>> rng = np.random.default_rng(1)
    >>> theta = rng.normal(size=(500, 1))
    >>> x = theta + rng.normal(size=(500, 1))
    >>> narrow = x / 2 + 0.5 * np.sqrt(0.5) * rng.normal(size=(200, 500, 1))
    >>> [(v.name, str(v.outcome)) for v in sbiwb.sbc(theta, narrow, names=["mu"])]
    [('sbc[mu]', 'fail')]
    """
    check_levels(warn, fail)
    calibration = read_calibration(theta, samples, None, names)
    given = {
        LOG_PROB: read_density(calibration, log_prob_theta, log_prob_samples),
        LOG_LIKELIHOOD: read_density(calibration, log_likelihood_theta, log_likelihood_samples),
    }
    densities = {name: density for name, density in given.items() if density is not None}
    quantities = [*calibration.names, *densities]
    if taken := densities.keys() & set(calibration.names):
        raise DataError(
            f"a parameter may not be named '{min(taken)}' where log densities are given"
        )
    if calibration.refused is not None:
        return [calibration.refusal(f"sbc[{name}]") for name in quantities]
    judgeable = [name for name in quantities if name not in calibration.constant]
    ranks = {
        name: rank(*counts, stream(seed, "sbc", name))
        for name, counts in zip(quantities, _counts(calibration, densities.values()), strict=True)
        if name in judgeable
    }
    p_values = _holm({name: r.p_value for name, r in ranks.items()})
    explained = _Explained(calibration, *moments(calibration.samples))
    verdicts = []
    for name in quantities:
        if name not in ranks:
            message = f"cannot tell: '{name}' is the same in all simulations"
            verdicts.append(Verdict(f"sbc[{name}]", Outcome.UNKNOWN, message))
            continue
        u, below, low, high = ranks[name].curve(1 - warn / len(ranks))
        message, at_best = explained.sentence(name, ranks[name], p_values[name] < warn)
        verdict = judged(
            f"sbc[{name}]",
            p_values[name],
            message,
            {"u": u, "difference": below - u, "low": low - u, "high": high - u},
            warn=warn,
            fail=fail,
            at_best=at_best,
        )
        if verdict.outcome is Outcome.FAIL and _loses(name, ranks[name]):
            if _keeps_more(calibration, *densities[name]):
                verdict = replace(verdict, outcome=worse(Outcome.WARN, at_best))
            else:
                verdict = replace(verdict, message=verdict.message.replace(SOME_LOST, MOST_LOST))
        verdicts.append(verdict)
    return verdicts


def check(result: Result) -> list[Verdict]:
    """Judge the calibration set of a result; nothing if it has none."""
    found = recorded(result)
    if found is None:
        return []
    return found.placed(
        *sbc(
            found.theta,
            found.samples,
            names=found.names,
            log_likelihood_theta=found.log_likelihood_theta,
            log_likelihood_samples=found.log_likelihood_samples,
            seed=result.seed,
        )
    )


def _loses(name: str, ranks: Ranks) -> bool:
    """Whether draws are less likely than the truth: what they lose need not be coverage.

    A network that sees a part of what x tells has posteriors that are right given that part.
    """
    return name == LOG_LIKELIHOOD and float(np.mean(ranks.u)) > 0.5


def _keeps_more(calibration: CalibrationSet, truth: Array, draws: Array) -> bool:
    """Whether a posterior keeps more information than it loses: the prior itself does not."""
    lost, kept = lost_and_kept(calibration.theta, calibration.samples, truth, draws)
    return kept > lost


@dataclass(frozen=True)
class _Explained:
    """Sentences about the ranks of a calibration set."""

    calibration: CalibrationSet
    mean: Array
    sd: Array

    def sentence(self, name: str, ranks: Ranks, departs: bool) -> tuple[str, Outcome]:
        """What to say, and the best outcome that can be given."""
        at_best = self.calibration.at_best
        if departs:
            message = self._misfit(name, ranks)
        elif ranks.tied > TIES_TOLERATED:
            at_best = worse(at_best, Outcome.UNKNOWN)
            message = (
                f"cannot tell: in {ranks.tied:.0%} of the simulations a draw equals the true "
                f"'{name}'"
            )
        else:
            message = (
                f"ranks of '{name}' are uniform within chance over {len(ranks.u)} simulations "
                f"of {ranks.draws} draws"
            )
        return self.calibration.noted(message), at_best

    def _misfit(self, name: str, ranks: Ranks) -> str:
        if _loses(name, ranks):
            return (
                f"{SOME_LOST}: over the prior, "
                f"{np.mean(1 - ranks.u):.0%} of draws are as likely as the truth, not half"
            )
        if name in (LOG_PROB, LOG_LIKELIHOOD):
            what = "density" if name == LOG_PROB else "likelihood"
            if np.mean(ranks.u) < 0.5:
                return (
                    f"the posterior is overconfident or misplaced: the truth has a lower {what} "
                    "than its draws too often"
                )
            return (
                f"the posterior is too wide or neglects data: the truth has a higher {what} than "
                "its draws too often"
            )
        k = self.calibration.names.index(name)
        one = slice(k, k + 1)
        found = describe_misfit(
            self.calibration.theta[:, one], self.mean[:, one], self.sd[:, one], ranks.draws, [name]
        )
        return found or (
            f"the posterior of '{name}' has the wrong shape: ranks are not uniform, though mean "
            "and width are right on average"
        )


def _counts(
    calibration: CalibrationSet, densities: Iterable[tuple[Array, Array]]
) -> list[tuple[NDArray[np.intp], NDArray[np.intp], int]]:
    """Draws below and equal to the truth, (N,) each, of how many; one triple a quantity."""
    theta = calibration.theta
    less = np.zeros(theta.shape, dtype=np.intp)
    ties = np.zeros(theta.shape, dtype=np.intp)
    for chunk in chunks(calibration.samples):
        less += np.count_nonzero(chunk < theta, axis=0)
        ties += np.count_nonzero(chunk == theta, axis=0)
    length = len(calibration.samples)
    counts = [(*column, length) for column in zip(less.T, ties.T, strict=True)]
    for truth, draws in densities:
        below = np.count_nonzero(draws < truth, axis=0)
        counts.append((below, np.count_nonzero(draws == truth, axis=0), len(draws)))
    return counts


def _holm(p_values: dict[str, float]) -> dict[str, float]:
    """Holm's step-down correction (1979): controls the chance of any false alarm."""
    corrected, running = {}, 0.0
    for position, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        running = max(running, min(1.0, (len(p_values) - position) * p_values[name]))
        corrected[name] = running
    return corrected
