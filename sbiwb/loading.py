"""Results from disk, with the problem and the network they were made with."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sbiwb import registry
from sbiwb.core.observation import Observation
from sbiwb.core.problem import Problem, make_problem
from sbiwb.errors import DataError
from sbiwb.estimators._product import for_data_of
from sbiwb.estimators.base import LearnedLikelihood
from sbiwb.result import Result, read_model, read_tree


def load(
    path: str | os.PathLike[str], problem: Problem | None = None, *, network: bool = True
) -> Result:
    """Load a result that `Result.save` wrote.

    Parameters
    ----------
    path : path
        The NetCDF file.
    problem : Problem, optional
        The problem it was made with, needed only if its simulator is a plain function.  Otherwise
        the problem is rebuilt from the simulator's name and options, and the observation in the
        file.
    network : bool
        Whether to read the network beside the file, which imports Torch.

    Returns
    -------
    Result
        Its `problem` is None if the simulator has no name that is installed here.

    Raises
    ------
    DataError
        If a file is missing or damaged, or the problem is not the one the result was made with.
    UsageError
        If the simulator needs a package that is not installed.
    """
    path = Path(path)
    result = Result(read_tree(path))
    if result.origin is not None:
        return result
    try:
        description, observation = result.description, _observation(path, result)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not a whole result", got=repr(error)) from error
    if problem is None:
        problem = _rebuild(description, observation)
    if problem is None:
        return result
    change = difference(description, problem.describe())
    if change is not None:
        raise DataError(f"{path} was made with another problem: {change}")
    result = replace(result, problem=problem)
    if network and "model_sha256" in result.tree.attrs:
        recipe, weights = read_model(path, str(result.tree.attrs["model_sha256"]))
        estimator = registry.estimator(str(recipe["estimator"]))
        learned = estimator.restore(recipe, weights, result.training_prior)
        if "validity" in recipe and isinstance(learned, LearnedLikelihood):
            from sbiwb.estimators._validity import restored  # brings Torch

            learned = restored(learned, recipe, weights, result.training_prior)
        result = replace(result, learned=for_data_of(problem.simulator, learned))
    return result


def run_results(run: str | os.PathLike[str]) -> list[Path]:
    """Files of the results of a run, in the order of its recipe.

    Raises
    ------
    DataError
        If the journal is damaged, names a file elsewhere, or there are no results yet.
    """
    folder, files = Path(run), []
    journal = folder / "run.json"
    try:
        tasks = json.loads(journal.read_text("utf-8")).get("tasks", {})
        named = [task["file"] for task in tasks.values() if task["file"] is not None]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"cannot read {journal}", got=repr(error)) from error
    for file in named:
        files.append(inside(folder, file))
    if not files:
        raise DataError("no results in this run yet", got=folder)
    return files


def is_result(path: Path) -> bool:
    """Whether a file is a result that `Result.save` wrote, of any version.

    Raises
    ------
    DataError
        If it is damaged.
    """
    if not path.is_file() or not (path.suffix == ".nc" or h5py.is_hdf5(path)):
        return False
    try:
        with h5py.File(path) as file:
            return "schema_version" in file.attrs
    except OSError as error:
        raise DataError(f"cannot read {path}", got=error, expected="NetCDF 4") from error


def inside(folder: Path, file: str) -> Path:
    """Path of a file of a run; run folders may come from other people.

    Raises
    ------
    DataError
        If it is not in the folder.
    """
    path = folder / file
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{folder / 'run.json'} names a file outside its directory", got=file)
    return path


def difference(recorded: Any, current: Any, where: str = "") -> str | None:
    """Say where two descriptions (plain JSON types) first differ; None if they agree.

    Labels are left out: they change how things look, not what they are.
    """
    if isinstance(recorded, dict) and isinstance(current, dict):
        for key in [*recorded, *(k for k in current if k not in recorded)]:
            place = f"{where}.{key}" if where else str(key)
            if key == "label":
                continue
            if key not in recorded or key not in current:
                gone, which = (recorded, "is gone") if key in recorded else (current, "is new")
                return f"{place} = {_short(gone[key])} {which}"
            found = difference(recorded[key], current[key], place)
            if found is not None:
                return found
        return None
    if isinstance(recorded, (list, tuple)) and isinstance(current, (list, tuple)):
        if len(recorded) != len(current):
            return f"{where} had {len(recorded)} entries and now has {len(current)}"
        pairs = enumerate(zip(recorded, current, strict=True))
        changes = (difference(old, new, f"{where}[{k}]") for k, (old, new) in pairs)
        return next((change for change in changes if change is not None), None)
    if recorded == current:
        return None
    return f"{where} was {_short(recorded)} and is now {_short(current)}"


def _rebuild(description: dict[str, Any], observation: Observation) -> Problem | None:
    name = description["simulator"]
    if name not in registry.names("simulators"):
        return None
    simulator = registry.build_simulator(name, **description["options"])
    return make_problem(
        simulator, observation, description.get("fixed"), description.get("repeats")
    )


def _observation(path: Path, result: Result) -> Observation:
    recorded = result.description["observation"]
    x = np.asarray(result.tree["observed_data"]["x"].values, dtype=np.float64)
    observation = Observation(x, name=recorded["name"], source=recorded["source"])
    if observation.sha256 != recorded["sha256"]:
        raise DataError(
            f"the observation in {path} is damaged",
            got=f"SHA-256 {observation.sha256[:12]}…",
            expected=f"{recorded['sha256'][:12]}…",
        )
    return observation


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "…"
