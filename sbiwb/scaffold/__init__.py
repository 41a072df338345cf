"""Starting points for a user's own parts, that run as they are."""

from __future__ import annotations

import keyword
import os
from contextlib import suppress
from importlib import resources
from pathlib import Path
from string import Template

from sbiwb.discovery import find_entries
from sbiwb.errors import StoreError, UsageError


def new_simulator(name: str, folder: str | os.PathLike[str] = ".") -> tuple[Path, Path]:
    """Write a simulator and a recipe for it.

    Parameters
    ----------
    name : str
        Name of the simulator and of both files.
    folder : path
        Where to write.

    Returns
    -------
    tuple of Path
        The simulator and the recipe.

    Raises
    ------
    UsageError
        If the name is not a Python name or is taken, or a file is there already.
    StoreError
        If the disk refuses.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise UsageError(
            "bad name of a simulator", got=f"'{name}'", expected="a Python name, such as pendulum"
        )
    taken = [entry.origin for entry in find_entries("simulators") if entry.name == name]
    if taken:
        raise UsageError(f"there is a simulator '{name}' already", got=taken[0])
    words = name.replace("_", " ").split()
    values = {
        "name": name,
        "title": " ".join(words).capitalize(),
        "class_name": "".join(word.capitalize() for word in words),
    }
    templates = resources.files(__package__)
    written = {
        Path(folder, f"{name}.py"): templates / "simulator.py.txt",
        Path(folder, f"{name}.yaml"): templates / "recipe.yaml.txt",
    }
    for path in written:
        if path.exists():
            raise UsageError("will not write over a file that is there", got=path)
    for path, template in written.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(template.read_text("utf-8")).substitute(values), "utf-8")
        except OSError as error:
            with suppress(OSError):  # half of it would stand in the way of the next try
                path.unlink()
            raise StoreError(f"cannot write {path}", got=error) from error
    code, recipe = written
    return code, recipe
