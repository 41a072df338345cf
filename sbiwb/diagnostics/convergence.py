"""Whether a sampler has done its work: split R̂, effective sizes, and what samplers say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.diagnostics._grade import judged
from sbiwb.effective_size import ess, rhat
from sbiwb.result import Result, to_array

RHAT_PASS, RHAT_WARN = 1.01, 1.05
ESS_PASS, ESS_WARN = 400.0, 100.0
RANKS_WARN, RANKS_FAIL = 0.01, 0.001


def convergence(theta: Array, names: Sequence[str]) -> list[Verdict]:
    """Judge Markov chains by their worst parameter.

    Parameters
    ----------
    theta : ndarray, shape (chain, draw, d)
    names : sequence of str
        Parameter names.

    Returns
    -------
    list of Verdict
        ``rhat``: rank-normalised split R̂, pass below 1.01 and warning below 1.05.
        ``ess``: the smaller of bulk and tail effective size, pass from 400 and warning from 100.
        Chains that are constant, or too short to split, cannot be judged, and one chain alone
        has no R̂.

    References
    ----------
    Vehtari et al. 2021, Bayesian Analysis 16, 667, arXiv:1903.08008.
    """
    chains, draws, _ = theta.shape
    constant = [n for k, n in enumerate(names) if np.ptp(theta[..., k]) == 0]
    if draws < 8 or constant:
        why = f"'{constant[0]}' never moved" if constant else f"only {draws} draws a chain"
        return [Verdict(name, Outcome.UNKNOWN, f"cannot tell: {why}") for name in ("rhat", "ess")]
    columns = np.moveaxis(theta, -1, 0)
    verdicts = []
    if chains > 1:
        verdicts.append(_rhat([rhat(column) for column in columns], names))
    effective = [min(ess(column, "bulk"), ess(column, "tail")) for column in columns]
    verdicts.append(_ess(np.array(effective), names))
    return verdicts


def check(result: Result) -> list[Verdict]:
    """Judge the chains of a result, or the weights and the insertion ranks of nested sampling."""
    stats = result.provenance.get("stats", {})
    verdicts = []
    if "ess" in stats:
        verdicts.append(_ess(np.array([stats["ess"]]), ["all parameters"]))
    if "insertion_rank_p" in stats:
        verdicts.append(_insertion_ranks(stats["insertion_rank_p"]))
    # Resampled draws of nested sampling look like a chain, but their order means nothing.
    if "ess" in stats or int(result.tree.attrs["independent"]):
        return verdicts
    if "converged" in stats:
        verdicts.append(_chain_length(stats))
    if "divergences" in stats:
        verdicts.append(_divergences(stats))
    return verdicts + convergence(to_array(result.posterior, result.names), result.names)


def _chain_length(stats: Mapping[str, float]) -> Verdict:
    tau = stats["autocorrelation_time"]
    length = stats["steps"] / tau
    message = f"chains of {stats['steps']:.0f} steps, {length:.0f} autocorrelation times"
    if stats["converged"]:
        return Verdict("chain_length", Outcome.PASS, message, length)
    message += "; the sampler stopped there: raise max_steps"
    return Verdict("chain_length", Outcome.WARN, message, length)


def _divergences(stats: Mapping[str, float]) -> Verdict:
    number, of = stats["divergences"], stats["steps"] * stats["chains"]
    message = f"{number:.0f} of {of:.0f} trajectories diverged"
    if not number:
        return Verdict("divergences", Outcome.PASS, message, number, 0.0)
    message += ": the posterior has an edge or a neck, which they may miss; compare with slice"
    return Verdict("divergences", Outcome.WARN, message, number, 0.0)


def _insertion_ranks(p_value: float) -> Verdict:
    fair = p_value >= RANKS_WARN
    message = "new live points are fair draws above the threshold"
    return judged(
        "insertion_ranks",
        p_value,
        message if fair else f"it is doubtful that {message}; take more live points",
        {},
        warn=RANKS_WARN,
        fail=RANKS_FAIL,
    )


def _rhat(values: Sequence[float], names: Sequence[str]) -> Verdict:
    worst = int(np.argmax(values))
    value, name = values[worst], names[worst]
    if np.isinf(value):
        return Verdict("rhat", Outcome.FAIL, f"each chain stays where it is in '{name}'")
    if np.isnan(value):
        return Verdict("rhat", Outcome.UNKNOWN, f"cannot tell: R̂ of '{name}' is not a number")
    if value < RHAT_PASS:
        return Verdict("rhat", Outcome.PASS, "the chains agree", value, RHAT_PASS)
    outcome = Outcome.WARN if value < RHAT_WARN else Outcome.FAIL
    message = f"the chains differ in '{name}' (R̂ = {value:.3f}); run them longer"
    return Verdict("rhat", outcome, message, value, RHAT_PASS)


def _ess(values: Array, names: Sequence[str]) -> Verdict:
    worst = int(np.argmin(values))
    value, name = float(values[worst]), names[worst]
    if not np.isfinite(value):
        return Verdict("ess", Outcome.UNKNOWN, f"cannot tell: no effective size for '{name}'")
    message = f"at least {value:.0f} effective draws, fewest for {name}"
    if value >= ESS_PASS:
        return Verdict("ess", Outcome.PASS, message, value, ESS_PASS)
    outcome = Outcome.WARN if value >= ESS_WARN else Outcome.FAIL
    return Verdict("ess", outcome, f"only {message}; draw more", value, ESS_PASS)
