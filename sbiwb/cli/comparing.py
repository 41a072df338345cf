"""``sbiwb compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Results on disk.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The report to write.")
    ] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="Title of the report.")] = None,
) -> None:
    """Compare saved results in one HTML file.

    Prints its path.
    """
    from sbiwb.comparison import compare as compare_results
    from sbiwb.loading import load

    results = [load(file, network=False) for file in files]
    print(compare_results(results, title=title).save(out))
