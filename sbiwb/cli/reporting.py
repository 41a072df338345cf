"""``sbiwb report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A directory made by sbiwb run.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="[default: RUN_DIR/report.html]"),
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive",
            help="Add corner plots that zoom; 4.8 MB more, by default in RUN_DIR/interactive.html.",
        ),
    ] = False,
) -> None:
    """Write the report of a run again.

    Prints its path.
    """
    from sbiwb.pipeline.reporting import report as write_report

    print(write_report(run, out, interactive=interactive))
