"""``sbiwb data``."""

from __future__ import annotations

from typing import Annotated

import typer


def data(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Data sets to have."),
    ] = None,
) -> None:
    """List data sets, and whether their files are here.

    With names, downloads what is missing, verifies the files and prints their paths.
    """
    from sbiwb.datasets import dataset, datasets

    if names:
        for entry in [dataset(name) for name in names]:
            for file in entry.files:
                print(file.get())
        return
    for entry in datasets().values():
        print(f"{entry.name}: {entry.title}")
        print(f"  source: {entry.source}; licence: {entry.licence}")
        for file in entry.files:
            print(f"  {file.state():8} {file.sha256[:12]}…  {file.find() or file.url or file.path}")
