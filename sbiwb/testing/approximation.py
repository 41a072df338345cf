"""The contract of an approximation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from sbiwb.approximations.base import Approximated, Approximation
from sbiwb.core.distributions import Array, Normal, Uniform
from sbiwb.core.draws import Draws
from sbiwb.core.function import simulator
from sbiwb.core.options import Options
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulations import Simulations
from sbiwb.errors import InferenceError
from sbiwb.execute import Proposal, simulate
from sbiwb.rng import integer_seed
from sbiwb.testing.contract import must_not_raise, require
from sbiwb.testing.global_states import must_not_draw_globally

PRIOR = Prior((Parameter("a", Normal(0, 1)), Parameter("b", Uniform(-10, 10))))
NOISE = np.array([0.5, 1.0])
DATA = np.array([1.5, 2.0])
# a ~ N(0, 1) and x = a + noise; b is flat, far from its ends.
MEAN = np.array([DATA[0] / (1 + NOISE[0] ** 2), DATA[1]])
SD = np.array([NOISE[0] / math.sqrt(1 + NOISE[0] ** 2), NOISE[1]])
BUDGET = 4000
ERRORS = 5.0
"""Standard errors that a mean may be off: by chance, once in a million."""
LOPSIDED = 0.15
"""Widths that a mean may be off besides: a prior is not symmetric about what is accepted."""
WIDEST = 1.6
"""Tolerances make posteriors wider than they are, but not as wide as the prior: that is 2.2."""


def _noisy(theta: Array, rng: np.random.Generator) -> Array:
    x = theta + NOISE * rng.standard_normal(theta.shape)
    x[rng.random(len(x)) < 0.05] = np.nan  # some simulations always fail
    return np.asarray(x)


SIMULATOR = simulator(_noisy, PRIOR, batched=True, name="noisy")


class Counted:
    """Simulations of `SIMULATOR`, or failed ones, counted."""

    def __init__(self, seed: int, *, hopeless: bool = False) -> None:
        self.seed, self.hopeless = seed, hopeless
        self.calls = self.rows = 0

    def __call__(self, proposal: Proposal, n: int) -> Simulations:
        self.calls, self.rows = self.calls + 1, self.rows + n
        made = simulate(SIMULATOR, proposal, n, seed=integer_seed(self.seed, self.calls))
        if not self.hopeless:
            return made
        return Simulations(made.theta, np.full_like(made.x, np.nan), np.ones(n, np.int8))


def check_approximation(
    approximation: str | Approximation[Any],
    *,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> None:
    """Check that an approximation keeps its contract, on a Gaussian posterior in closed form.

    Parameters
    ----------
    approximation : str or Approximation
        A registered name, or an instance.
    options : mapping, optional
        Options to draw with; defaults otherwise.
    seed : int

    Raises
    ------
    ContractError
        Naming the broken clause.
    """
    if isinstance(approximation, str):
        from sbiwb import registry

        approximation = registry.approximation(approximation)
    subject = f"approximation {type(approximation).__name__}"
    chosen = _options(approximation, subject, options or {})
    counted, x = Counted(seed), DATA.copy()

    def draw(simulate: Counted, seed: int) -> Approximated:
        return approximation.draw(PRIOR, x, simulate, BUDGET, chosen, seed)

    with must_not_raise(subject, "draw"), must_not_draw_globally(subject, "draw"):
        found = draw(counted, seed)
    require(np.array_equal(x, DATA), subject, "the observation is left as it is")
    require(
        0 < counted.rows <= BUDGET,
        subject,
        "the budget is kept",
        got=counted.rows,
        expected=f"at most {BUDGET}",
    )
    returned = len(found.from_prior) + sum(map(len, found.others))
    require(
        returned == counted.rows,
        subject,
        "all simulations are returned",
        got=returned,
        expected=counted.rows,
    )
    again, other = draw(Counted(seed), seed), draw(Counted(seed + 1), seed + 1)
    same = np.array_equal(found.draws.theta, again.draws.theta)
    require(same, subject, "the same seed gives the same draws")
    differs = not np.array_equal(found.draws.theta, other.draws.theta)
    require(differs, subject, "another seed gives other draws")
    _check_draws(found.draws, subject)
    _check_hopeless(approximation, chosen, subject, seed)


def _options(approximation: Approximation[Any], subject: str, given: Mapping[str, Any]) -> Options:
    try:
        approximation.options_type.model_validate({"no_such_option": 1})
    except ValidationError:
        with must_not_raise(subject, "making its options"):
            return approximation.options_type.model_validate(dict(given))
    require(False, subject, "options refuse unknown names")
    raise AssertionError  # for the type checker


def _check_draws(draws: Draws, subject: str) -> None:
    require(draws.log_prob is None, subject, "no density is claimed")
    require(draws.log_evidence is None, subject, "no evidence is claimed")
    wrong = {name: value for name, value in draws.stats.items() if not math.isfinite(value)}
    require(not wrong, subject, "stats are finite numbers", got=wrong)
    told = {"ess", "widening", "widening_err", "accepted"} - set(draws.stats)
    require(not told, subject, "stats say how good the draws are", got=f"no {', '.join(told)}")
    flat = draws.flat
    require(np.all(np.isfinite(PRIOR.log_prob(flat))), subject, "draws lie inside the prior")
    off = np.abs(flat.mean(axis=0) - MEAN) / SD
    allowed = LOPSIDED + ERRORS / math.sqrt(draws.stats["ess"])
    require(np.all(off < allowed), subject, "means are right", got=off, expected=f"< {allowed:.2f}")
    width = flat.std(axis=0) / SD
    error = ERRORS / math.sqrt(2 * draws.stats["ess"])
    require(
        np.all((width > 1 - error) & (width < WIDEST)),
        subject,
        "widths are between those of the posterior and of the prior",
        got=width,
        expected=f"between {1 - error:.2f} and {WIDEST}",
    )


def _check_hopeless(
    approximation: Approximation[Any], options: Options, subject: str, seed: int
) -> None:
    clause = "simulations that all fail raise InferenceError"
    try:
        approximation.draw(PRIOR, DATA, Counted(seed, hopeless=True), BUDGET, options, seed)
    except InferenceError:
        return
    except Exception as error:
        require(False, subject, clause, got=repr(error))
    require(False, subject, clause, got="draws")
