"""Recipes: what to infer, by which methods, with which checks; data only, every key checked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from sbiwb.errors import UsageError, did_you_mean, unknown_name
from sbiwb.safe_yaml import read_yaml


def _whole(value: Any) -> Any:
    """Accept 12000 and 1.2e4, not true and not '12000'."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if type(value) is int:  # not a bool
        return value
    raise ValueError("expected a whole number")


Count = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
# How pydantic's types are called in a recipe.
_PLAIN = {
    "missing": "is missing",
    "model_type": "expected keys and values",
    "dict_type": "expected keys and values",
    "tuple_type": "expected a list",
    "string_type": "expected text",
    "float_type": "expected a number",
    "too_short": "expected at least one",
}

Seed = Annotated[int, BeforeValidator(_whole), Field(ge=0, lt=2**63)]


class _Section(BaseModel):
    """Part of a recipe in which an unknown key is an error that names the nearest valid one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        for key in data if isinstance(data, Mapping) else ():
            if key not in cls.model_fields:
                valid = list(cls.model_fields)
                # The key and the names travel as context: `_explain` makes the sentence.
                raise PydanticCustomError("unknown_key", "{key}", {"key": str(key), "valid": valid})
        return data


class ProblemSection(_Section):
    """A problem: a simulator by name, its options, and optionally data and fixed parameters.

    `repeats` counts independent data of the same parameters.
    """

    simulator: str
    options: dict[str, Any] = Field(default_factory=dict)
    observation: str | None = None
    fixed: dict[str, Annotated[float, Field(strict=True)]] = Field(default_factory=dict)
    repeats: Count | None = None


class MethodSection(_Section):
    """A method, what it may spend, and on which problems (all of them by default)."""

    method: str
    budget: Count | None = None
    rounds: Count | None = None
    seed: Seed | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    problems: tuple[str, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, data: Any) -> Any:
        return {"method": data} if isinstance(data, str) else data


class ChecksSection(_Section):
    """How many simulations the checks may make, of each kind."""

    calibration: Count | None = None
    predictive: Count | None = 200
    information: Count | None = 100
    profile: Count | None = None
    evidence: Count | None = None


class Recipe(_Section):
    """A whole recipe; `docs/howto/recipes.md` explains the keys."""

    title: str | None = None
    seed: Seed = 0
    executor: Any = None
    workers: Count | None = None
    simulators: str | None = None
    problems: dict[str, ProblemSection] = Field(min_length=1)
    methods: tuple[MethodSection, ...] = Field(min_length=1)
    checks: ChecksSection | None = ChecksSection()

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        for label in self.problems:
            if not re.fullmatch(r"\w[\w.+-]*", label):  # it names a folder
                raise ValueError(
                    f"the problem's label {label!r} may hold letters, digits and _ . + - only"
                )
        for number, method in enumerate(self.methods):
            for label in method.problems or ():
                if label not in self.problems:
                    hint = did_you_mean(label, self.problems)
                    raise ValueError(
                        f"methods[{number}] names no problem of this recipe: {label!r}"
                        + (f"; {hint}" if hint else "")
                    )
            if method in self.methods[:number]:
                raise ValueError(f"methods[{number}] is there twice")
        return self


def recipes() -> dict[str, Path]:
    """The recipes that come with the package: name → file."""
    folder = Path(str(resources.files("sbiwb.pipelines")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_recipe(name: str | os.PathLike[str]) -> Path:
    """Return the file of a recipe given by name or path.

    Raises
    ------
    UsageError
        If there is no such recipe or file.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        if not path.is_file():
            raise UsageError("no such recipe", got=path)
        return path
    known = recipes()
    if str(name) not in known:
        raise unknown_name("recipe", str(name), known)
    return known[str(name)]


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; file names in it are taken from its own folder.

    Raises
    ------
    UsageError
        If the file cannot be read, a key is unknown, or a value is not valid.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the recipe {path}", got=error) from error
    return parse_recipe(read_yaml(text, str(path)), str(path), path.parent)


def parse_recipe(data: Any, where: str = "recipe", folder: Path | None = None) -> Recipe:
    """Turn plain data into a recipe; `where` names it in errors."""
    try:
        plain = json.loads(json.dumps(data))
    except (TypeError, ValueError) as error:
        raise UsageError(f"{where} holds more than plain values", got=error) from error
    if not isinstance(plain, dict):
        raise UsageError(f"{where} is not a recipe", got=plain, expected="keys such as problems:")
    try:
        recipe = Recipe.model_validate(plain)
    except ValidationError as error:
        raise _explain(where, error) from error
    return _absolute(recipe, (folder or Path()).resolve())


def _absolute(recipe: Recipe, folder: Path) -> Recipe:
    # It loads NumPy, and listing recipes does not need it.
    from sbiwb.core.observation_file import is_file_name

    problems = {
        label: section.model_copy(update={"observation": str(folder / section.observation)})
        if section.observation is not None and is_file_name(section.observation)
        else section
        for label, section in recipe.problems.items()
    }
    simulators = None if recipe.simulators is None else str(folder / recipe.simulators)
    return recipe.model_copy(update={"problems": problems, "simulators": simulators})


def _explain(where: str, error: ValidationError) -> UsageError:
    """The first problem of a recipe as one line: where it is, and what would be valid."""
    first = error.errors(include_url=False)[0]
    loc = first["loc"]
    if first["type"] == "unknown_key":
        key, valid = first["ctx"]["key"], first["ctx"]["valid"]
        return UsageError(
            f"{where}: unknown key {_place((*loc, key))}",
            expected="one of " + ", ".join(valid),
            remedy=did_you_mean(key, valid),
        )
    message = _PLAIN.get(first["type"], first["msg"].removeprefix("Value error, "))
    message = message.replace("Input should be", "expected a number")
    what = f"{where}: {_place(loc)}: {message}" if loc else f"{where}: {message}"
    needs_value = loc and first["type"] != "missing"
    return UsageError(what, got=json.dumps(first["input"]) if needs_value else None)


def _place(loc: tuple[int | str, ...]) -> str:
    """``('methods', 1, 'budget')`` as ``methods[1].budget``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".")
