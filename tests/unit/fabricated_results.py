"""Results with known draws, for tests of comparison and report."""

from __future__ import annotations

import numpy as np

import sbiwb
from sbiwb.core.distributions import Uniform
from sbiwb.core.draws import Cost, Draws
from sbiwb.core.function import simulator
from sbiwb.core.observation import Observation
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.problem import Problem, make_problem
from sbiwb.core.simulator import Output
from sbiwb.core.verdict import Outcome, Verdict
from sbiwb.result import Result, make_result


def toy_problem(
    parameters: list[Parameter] | None = None,
    *,
    name: str = "toy",
    observation: float = 0.0,
    constraint=None,
    **options: str,
) -> Problem:
    parameters = parameters or [
        Parameter("a", Uniform(-10, 10), "m", r"\alpha"),
        Parameter("b", Uniform(-10, 10)),
    ]
    built = simulator(
        lambda _: np.zeros(3),
        Prior(tuple(parameters), constraint),
        name=name,
        output=Output((3,), names=("first", "second", "third")),
    )
    built.version = "1"
    built.options = options
    return make_problem(built, Observation(np.full(3, observation), "three", "made up"))


def gaussian_draws(seed: int, n: int = 2000, mean=(0.0, 0.0), sd=(1.0, 1.0)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(mean) + np.asarray(sd) * rng.standard_normal((n, len(mean)))


def toy_result(
    method: str = "exact+emcee",
    theta: np.ndarray | None = None,
    *,
    problem: Problem | None = None,
    seed: int = 0,
    log_evidence: float | None = None,
    log_evidence_err: float | None = None,
    provenance: dict | None = None,
    verdicts: tuple[Verdict, ...] = (),
) -> Result:
    theta = gaussian_draws(seed) if theta is None else theta
    draws = Draws(
        theta[np.newaxis],
        independent=True,
        log_evidence=log_evidence,
        log_evidence_err=log_evidence_err,
        stats={"acceptance": 0.4},
        cost=Cost(simulator_calls=1000, likelihood_calls=20_000, seconds=12.5),
    )
    result = make_result(
        problem or toy_problem(), draws, method=method, seed=seed, provenance=provenance or {}
    )
    return result.with_verdicts(verdicts)


def curves(names: tuple[str, ...]) -> tuple[Verdict, ...]:
    """Calibration and predictive verdicts with curves to draw."""
    u = np.linspace(0, 1, 21)
    band = np.full(21, 0.1)
    flat = np.zeros(21)
    spread = np.ones(3)
    return (
        Verdict(
            "tarp", Outcome.PASS, "coverage stays in the band", 0.02, 0.1, 0.5,
            {"alpha": u, "ecp": u, "low": u - band, "high": u + band},
        ),
        *(
            Verdict(
                f"sbc[{name}]", Outcome.PASS, "ranks are uniform", 0.02, 0.1, 0.5,
                {"u": u, "difference": flat, "low": -band, "high": band},
            )
            for name in names
        ),
        Verdict(
            "predictive", Outcome.PASS, "the observation looks like what is predicted", 1.0,
            curve={
                "entry": np.arange(3), "observed": 0.3 * spread, "median": 0 * spread,
                "low68": -spread, "high68": spread, "low95": -2 * spread, "high95": 2 * spread,
            },
        ),
        Verdict("prior_predictive", Outcome.WARN, "the observation is unusual", 0.98, 0.95, 0.02),
    )  # fmt: skip


def whole(n: int = 1000):
    """Two problems, three methods, every group and verdict that the pipeline makes."""
    results = []
    for model, log_evidence in (("first", -10.0), ("second", -12.0)):
        problem = toy_problem(model=model, data="x")
        for k, method in enumerate(("exact+dynesty", "npe", "nle+emcee")):
            training = {
                "training": [3.0, 2.0, 1.5], "validation": [3.1, 2.2, 2.3], "best_epoch": 1
            }  # fmt: skip
            results.append(
                toy_result(
                    method,
                    gaussian_draws(k, n),
                    problem=problem,
                    seed=k,
                    log_evidence=log_evidence if k < 2 else None,
                    log_evidence_err=0.2,
                    verdicts=curves(problem.prior.names) if k else (),
                    provenance={
                        "versions": {"sbiwb": "0.1.0", "numpy": np.__version__},
                        "budget": 1000 if k else None,
                        "options": {"walkers": 32, "nested": {"deep": [1, 2.5, None]}},
                        "simulations": {"ok": 990, "nan": 10} if k else {},
                        "training": training if k else {},
                    },
                )
            )
    return sbiwb.compare(results, title="Both models")
