"""One cell of a benchmark, in a process of its own: infer, draw, score; see `running`."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sbiwb.pipeline.work import attempt, serve

if TYPE_CHECKING:
    from sbiwb.benchmarking.tasks import Task
    from sbiwb.core.distributions import Array
    from sbiwb.result import Result

_KIB = 1024.0


def main() -> None:
    """Serve the benchmark that started this process."""
    serve(_serve)


def _serve(order: Mapping[str, Any]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    error = attempt(lambda: rows.extend(_rows(order)))
    return {"rows": rows, "error": error}


def _rows(order: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Scores and costs of the order's observations, one row each."""
    from sbiwb.benchmarking.scores import score
    from sbiwb.benchmarking.tasks import find_task
    from sbiwb.inference import infer

    task = find_task(order["task"])
    first = order["observations"][0]
    wall, cpu = time.perf_counter(), time.process_time()
    result = infer(
        task.problem(first),
        order["method"],
        budget=order["budget"],
        rounds=order["rounds"],
        seed=order["seed"],
        **order["options"],
    )
    cost = {
        "simulator_calls": result.cost.simulator_calls,
        "likelihood_calls": result.cost.likelihood_calls,
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        # Before any score is computed: classifiers need memory too.
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB),
    }
    calibration = _calibration(result, order["calibration"])
    for observation, draws in _draws(task, result, order):
        scores = score(task.reference(observation), draws, order["seed"])
        judged = str(result.outcome) if observation == first else ""
        words = {"calibration": calibration, "outcome": judged}
        yield {"observation": observation, **scores, **words, **cost}


def _draws(task: Task, result: Result, order: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """Posterior draws at each observation; a network that learned once serves all of them."""
    from sbiwb.estimators.base import LearnedPosterior
    from sbiwb.rng import stream

    for observation in order["observations"]:
        if isinstance(result.learned, LearnedPosterior):
            x = task.problem(observation).observation.x[np.newaxis]
            random = stream(order["seed"], "benchmark", observation)
            yield observation, result.learned.sample(order["draws"], x, random)[0]
        else:
            yield observation, result.samples(order["draws"], seed=order["seed"])


def _calibration(result: Result, held_out: int | None) -> str:
    """What the calibration checks say, in one word; empty for methods that learn nothing."""
    if held_out is None or result.learned is None:
        return ""
    from sbiwb.checking import check
    from sbiwb.core.verdict import overall
    from sbiwb.diagnostics._family import CHECKS

    checked = check(result, calibration=held_out, predictive=None, information=None)
    return str(overall(v for v in checked.verdicts if v.name.partition("[")[0] in CHECKS))
