"""``sbiwb compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    files: Annotated[
        list[str],
        typer.Argument(metavar="[NAME=][FORMAT:]FILE", help="Results, run folders or chains."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The report to write.")
    ] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="Title of the report.")] = None,
    parameters: Annotated[
        str | None, typer.Option(metavar="A,B,…", help="Parameters to show; by default all.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="A parameter's name in the files, and here."),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Names in order, for files that hold none."),
    ] = None,
    burn_in: Annotated[
        float | None,
        typer.Option(metavar="X", help="Start of chains to leave out: a share or a number."),
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Add corner plots that zoom; 4.8 MB more.")
    ] = False,
) -> None:
    """Compare posteriors of any origin in one HTML file.

    Takes results and run folders of the workbench, and draws of other programs; sbiwb list
    readers shows their formats, which are recognised by content. Prints the path of the report.
    """
    from sbiwb.comparison import compare as compare_results
    from sbiwb.reading import open_all

    chosen = listed(parameters)
    results = open_all(
        files,
        parameters=chosen,
        names=listed(names),
        rename=pairs(rename or []),
        burn_in=burn_in,
    )
    comparison = compare_results(results, title=title, parameters=chosen)
    print(comparison.save(out, interactive=interactive))


def listed(text: str | None) -> list[str] | None:
    """The parts of ``A,B,…``."""
    return None if text is None else [part.strip() for part in text.split(",")]


def pairs(entries: list[str]) -> dict[str, str]:
    """The mapping that entries ``OLD=NEW`` make."""
    from sbiwb.errors import UsageError

    pairs = {}
    for entry in entries:
        old, equals, new = entry.partition("=")
        if not (old and equals and new):
            raise UsageError("bad --rename", got=entry, expected="OLD=NEW, as in omegam=Om")
        pairs[old] = new
    return pairs
