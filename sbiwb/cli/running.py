"""``sbiwb run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def run(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="Name of a recipe, or a YAML file.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Run directory [default: runs/NAME].")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes, one method each.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Replaces the recipe's seed.")] = None,
    fork: Annotated[
        bool, typer.Option("--fork", help="Start a new run beside an old one.")
    ] = False,
) -> None:
    """Run a recipe, or what is missing of it.

    Prints the path of the report.
    """
    from sbiwb.pipeline import run as run_recipe

    print(run_recipe(recipe, out=out, workers=workers, seed=seed, fork=fork))
