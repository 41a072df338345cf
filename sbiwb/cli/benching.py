"""``sbiwb bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench(
    tasks: Annotated[
        list[str],
        typer.Argument(metavar="TASK…", help="For example two_moons slcp, or a saved result."),
    ],
    methods: Annotated[str, typer.Option(help="Separated by commas: npe,nle+emcee.")] = "npe",
    budget: Annotated[str, typer.Option(help="Simulations: 1000,10000.")] = "10000",
    observations: Annotated[
        str | None, typer.Option(help="Which of each task: 1-5 or 1,3 [default: all].")
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds of methods that learn.")] = None,
    calibration: Annotated[
        int | None, typer.Option(min=1, help="Held-out simulations for calibration checks.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes, one cell each.")] = 1,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the scores.")] = Path("bench"),
) -> None:
    """Score methods on tasks whose posterior is known, beside published scores.

    What is in the folder already is not made again.  Prints the table; exits with 1 if a cell has
    no score.
    """
    import shlex
    import sys

    from sbiwb.benchmarking import bench as run_bench

    command = " ".join(["sbiwb", *map(shlex.quote, sys.argv[1:])])
    scores = run_bench(
        tasks,
        methods.split(","),
        budgets=_numbers(budget, "--budget"),
        observations=None if observations is None else _numbers(observations, "--observations"),
        rounds=rounds,
        calibration=calibration,
        seed=seed,
        workers=workers,
        out=out,
        command=command,
    )
    print((out / "scores.md").read_text("utf-8"), end="")
    if (scores["error"] != "").any():
        raise typer.Exit(1)


def _numbers(text: str, option: str) -> list[int]:
    """Numbers and ranges: "1-3,5" is 1, 2, 3, 5."""
    from sbiwb.errors import UsageError

    found: list[int] = []
    for part in text.replace("_", "").split(","):
        first, dash, last = part.strip().partition("-")
        last = last if dash else first
        if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
            raise UsageError(f"bad {option}", got=text, expected="numbers such as 1,3 or 1-5")
        found += range(int(first), int(last) + 1)
    return found
