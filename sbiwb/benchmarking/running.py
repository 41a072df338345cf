"""Running a benchmark: every missing cell in a process of its own, every score kept at once."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sbiwb.benchmarking.scores import MEASURES
from sbiwb.benchmarking.table import markdown
from sbiwb.benchmarking.tasks import find_task
from sbiwb.errors import StoreError, UsageError
from sbiwb.interruption import terminable
from sbiwb.method import DEFAULT_BUDGET, parse_method, parse_rounds
from sbiwb.pipeline.workers import Workers
from sbiwb.progress import Progress
from sbiwb.rng import check_seed
from sbiwb.store.lock import run_lock

if TYPE_CHECKING:
    import pandas as pd

KEY = ("task", "observation", "method", "options", "budget", "rounds", "seed", "draws")
COSTS = ("simulator_calls", "likelihood_calls", "seconds", "cpu_seconds", "peak_mib")
COLUMNS = (*KEY, *MEASURES, "calibration", "outcome", *COSTS, "error")
DRAWS = 10_000
FILES = ("scores.csv", "scores.md", "scores.png")


@terminable()
def bench(
    tasks: Sequence[str],
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]],
    *,
    out: str | os.PathLike[str],
    budgets: Sequence[int] = (DEFAULT_BUDGET,),
    observations: Sequence[int] | None = None,
    rounds: int | None = None,
    calibration: int | None = None,
    draws: int = DRAWS,
    seed: int = 1,
    workers: int = 1,
    command: str = "sbiwb.bench(…)",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Score methods on tasks whose posteriors are known.

    Each cell (a task, a method, a budget) runs in a process of its own, with one thread.  A network
    that learned a posterior serves all observations of its cell; other methods learn anew for each.
    Scores are written as they come, and those that are in `out` already are not made again: a
    benchmark that was interrupted, or that gets more methods, goes on where it was.

    Parameters
    ----------
    tasks : sequence of str
        Simulators that know their posteriors, such as ``benchmark.two_moons`` or ``two_moons``, and
        files of saved results, whose draws are taken for the true posterior of their problem.
    methods : sequence of str, or mapping of str to mapping
        Methods; a mapping gives each its options.
    out : path
        Folder of ``scores.csv`` (one row an observation), ``scores.md`` and ``scores.png``.
    budgets : sequence of int
        Simulator calls of methods that learn; those with the exact likelihood run once.
    observations : sequence of int, optional
        Which observations of each task, counted from 1; all by default.
    rounds : int, optional
        Rounds of methods that learn.
    calibration : int, optional
        Held-out simulations for the calibration checks of what was learned; none by default.
    draws : int
        Posterior draws that are scored.
    seed : int
    workers : int
        Cells at a time.
    command : str, optional
        What is typed to make the scores again, for the table.
    progress : Progress, optional

    Returns
    -------
    pandas.DataFrame
        What ``scores.csv`` holds of these tasks, methods, budgets and observations: the key,
        the measures of `sbiwb.benchmarking.scores`, the outcome of the calibration checks and of
        all others, costs (calls, wall and CPU seconds of inference, peak memory of its process in
        MiB), and the error if there is no score.

    Raises
    ------
    UsageError
        If a name or a number is not valid, or a task's posterior is not known.
    DataError
        If a saved result cannot be read, or its problem not be posed again.
    BusyError
        If another benchmark is at work in `out`.
    StoreError
        If the disk refuses, or ``scores.csv`` is something else.
    """
    check_seed(seed)
    chosen = [(task.name, task.choose(observations)) for task in map(find_task, tasks)]
    given = methods if isinstance(methods, Mapping) else {method: {} for method in methods}
    numbers = {"draws": draws, "workers": workers, "calibration": calibration}
    for name, value in numbers.items():
        if value is not None and (isinstance(value, bool) or value < 1):
            raise UsageError(f"bad {name}", got=repr(value), expected="a whole number > 0")
    orders = [
        {"seed": seed, "draws": draws, "calibration": calibration, **order}
        for name, names in chosen
        for order in _orders(name, names, given, budgets, rounds, draws)
    ]
    out = Path(out)
    wanted = {_key(order, one) for order in orders for one in order["observations"]}
    with run_lock(out):
        table = out / FILES[0]
        scores = _read(table)
        missing = list(_missing(orders, scores))
        for cell in missing:
            cell["log"] = str(out / "logs" / f"{_file_name(cell)}.log")
        _run(missing, workers, table, scores, progress or Progress())
        frame = _frame([row for key, row in scores.items() if key in wanted])
        _conclude(out, _frame(list(scores.values())), command)
    return frame


def _orders(
    task: str,
    observations: Sequence[str],
    methods: Mapping[str, Mapping[str, Any]],
    budgets: Sequence[int],
    rounds: int | None,
    draws: int,
) -> Iterator[dict[str, Any]]:
    """Every cell of a task; what is done for each observation anew is split."""
    for method, options in methods.items():
        parsed = parse_method(method, options)
        takes = {} if parsed.sampler is None else parsed.sampler.options_type.model_fields
        if "draws" in takes and takes["draws"].default is not None and "draws" not in options:
            # As many as are scored: the classifier is that of the published scores only then.  Who
            # gives by itself as many as differ is not asked for more, which a classifier learns.
            options = {**options, "draws": draws}
        amortised = parsed.estimator is not None and parsed.sampler is None
        simulates = parsed.estimator is not None or parsed.approximation is not None
        for budget in budgets if simulates else [None]:
            # Where rounds mean nothing, those of the others are not asked for.
            again = rounds if parsed.estimator is not None else None
            if simulates:
                parse_rounds(method, budget, again)
            once = amortised and again in (None, 1)
            groups = [tuple(observations)] if once else [(one,) for one in observations]
            for group in groups:
                yield {
                    "task": task,
                    "observations": list(group),
                    "method": method,
                    "options": dict(options),
                    "budget": budget,
                    "rounds": again,
                }


def _missing(
    orders: Sequence[dict[str, Any]], scores: Mapping[tuple[str, ...], Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Orders without the observations that have their score."""
    for order in orders:
        left = [
            one
            for one in order["observations"]
            if scores.get(_key(order, one), {"error": "none yet"})["error"]
        ]
        if left:
            yield {**order, "observations": left}


def _run(
    orders: Sequence[dict[str, Any]],
    workers: int,
    table: Path,
    scores: dict[tuple[str, ...], dict[str, Any]],
    progress: Progress,
) -> None:
    """Do what is missing, and write every score as soon as it is there."""
    with (
        progress.task("Benchmark", len(orders)) as task,
        Workers(workers, orders, module="sbiwb.benchmarking.work", fresh=True) as working,
    ):
        for order, reply in working:
            if reply is None:
                continue
            rows = list(reply.get("rows", []))
            scored = {row["observation"] for row in rows}
            for one in order["observations"]:
                if one not in scored:
                    rows.append({"observation": one, "error": reply["error"]["message"]})
            for row in rows:
                key = _key(order, row["observation"])
                whole = dict.fromkeys(COLUMNS, "") | row | dict(zip(KEY, key, strict=True))
                scores[key] = {name: str(value) for name, value in whole.items()}
            _write(table, list(scores.values()))
            task.advance()


def _key(order: Mapping[str, Any], observation: str) -> tuple[str, ...]:
    """What a score depends on, as text."""
    values = {
        **order,
        "observation": observation,
        "options": json.dumps(
            {k: v for k, v in order["options"].items() if k != "draws"}, sort_keys=True
        ),
    }
    return tuple("" if values[name] is None else str(values[name]) for name in KEY)


def _file_name(order: Mapping[str, Any]) -> str:
    parts = (Path(order["task"]).name, order["method"], order["budget"], order["observations"][0])
    return "-".join(str(part) for part in parts if part is not None)


def _read(path: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise StoreError(
                f"{path} is not a table of scores of this version",
                got=", ".join(reader.fieldnames or ()) or "no columns",
                expected=", ".join(COLUMNS),
                remedy="choose another folder",
            )
        return {tuple(row[name] for name in KEY): row for row in reader}


def read_scores(path: Path) -> pd.DataFrame:
    """The scores that a bench kept in a file, one row each.

    Raises
    ------
    StoreError
        If it is not a table of scores.
    """
    return _frame(list(_read(path).values()))


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    partial = path.with_suffix(".partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}", got=error) from error


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in (*MEASURES, *COSTS):
        frame[name] = pd.to_numeric(frame[name])
    return frame


def _conclude(out: Path, scores: pd.DataFrame, command: str) -> None:
    from sbiwb.benchmarking.plot import draw

    (out / FILES[1]).write_text(markdown(scores, command), encoding="utf-8")
    if scores["c2st"].notna().any():
        draw(scores, out / FILES[2])
