"""``sbiwb check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Results on disk.")],
    calibration: Annotated[
        int | None, typer.Option(min=1, help="Held-out simulations for the calibration checks.")
    ] = None,
    predictive: Annotated[int, typer.Option(min=1, help="Posterior predictive draws.")] = 200,
) -> None:
    """Check saved results.

    Stores the verdicts in the files, prints them, and exits with 1 if a check fails.
    """
    from sbiwb.checking import check as check_result
    from sbiwb.core.verdict import Outcome
    from sbiwb.loading import load

    failed = False
    for file in files:
        result = check_result(load(file), calibration=calibration, predictive=predictive)
        result.save(file)
        failed |= result.outcome is Outcome.FAIL
        print(f"{file}: {result.outcome}")
        for verdict in result.verdicts:
            print(f"  {verdict.outcome:8}{verdict.name}: {verdict.message}")
    if failed:
        raise typer.Exit(1)
