"""``sbiwb list``."""

from __future__ import annotations

from typing import Annotated

import typer


def list_names(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]",
            help="simulators, samplers, estimators, approximations, diagnostics, readers or "
            "recipes; or all.",
        ),
    ] = None,
) -> None:
    """List the names that recipes and scripts may use."""
    from sbiwb.discovery import KINDS, find_entries
    from sbiwb.errors import unknown_name

    kinds = (*KINDS, "recipes")
    if kind is not None and kind not in kinds:
        raise unknown_name("kind", kind, kinds)
    for shown in kinds if kind is None else (kind,):
        rows = (
            _recipes()
            if shown == "recipes"
            else [(entry.name, entry.summary) for entry in find_entries(shown)]
        )
        print(f"{shown}:")
        width = max((len(name) for name, _ in rows), default=0)
        for name, summary in rows:
            print(f"  {name:{width}}  {summary}".rstrip())


def _recipes() -> list[tuple[str, str]]:
    from sbiwb.config import recipes
    from sbiwb.safe_yaml import read_yaml

    texts = {name: path.read_text("utf-8") for name, path in recipes().items()}
    return [(name, str(read_yaml(text, name)["title"])) for name, text in texts.items()]
