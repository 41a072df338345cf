"""``sbiwb new``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Start something of your own.")


@app.callback()
def _group() -> None:
    """Keep ``simulator`` a subcommand although it is the only one yet."""


@app.command()
def simulator(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A Python name, such as pendulum.")],
    folder: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")] = Path(),
) -> None:
    """Write a simulator and a recipe that run.

    Replace the model in it by yours.
    """
    from sbiwb.scaffold import new_simulator

    code, recipe = new_simulator(name, folder)
    print(f"{code}\n{recipe}\nrun it with: sbiwb run {recipe}")
