"""What was published for the ten tasks: reference posteriors, true parameters and C2ST scores."""

from __future__ import annotations

import bz2
import csv
from importlib import resources

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.datasets import dataset
from sbiwb.errors import UsageError, unknown_name

from ._published import NUMBERS, published_row

TASKS = (
    "gaussian_linear",
    "gaussian_linear_uniform",
    "slcp",
    "slcp_distractors",
    "bernoulli_glm",
    "bernoulli_glm_raw",
    "gaussian_mixture",
    "two_moons",
    "sir",
    "lotka_volterra",
)
BUDGETS = (1_000, 10_000, 100_000)
"""Numbers of simulations of which scores were published."""

# Tasks that are another view of the same data, and so have its posterior.
_FOLDERS = {"slcp_distractors": "slcp", "bernoulli_glm_raw": "bernoulli_glm"}


def reference_posterior(task: str, number: int) -> Array:
    """Draws of the reference posterior of a published observation.

    Parameters
    ----------
    task : str
        For example ``"two_moons"``, or its simulator's name ``"benchmark.two_moons"``.
    number : int
        1 to 5.

    Returns
    -------
    ndarray, shape (10000, d)
        Independent, equally weighted draws; columns in the order of the task's prior.

    Raises
    ------
    UsageError
        If there is no such task or observation.
    DataError
        If the file is neither in ``SBIWB_DATA`` nor can be downloaded.
    """
    task = _check(task, number)
    folder = _FOLDERS.get(task, task)
    path = f"{folder}/num_observation_{number}/reference_posterior_samples.csv.bz2"
    files = {file.path: file for file in dataset("benchmark.reference_posteriors").files}
    with bz2.open(files[path].get(), "rt", encoding="utf-8") as file:
        return np.loadtxt(file, delimiter=",", skiprows=1, ndmin=2)


def true_parameters(task: str, number: int) -> Array:
    """Parameters that a published observation was simulated from.

    Parameters
    ----------
    task, number
        As for `reference_posterior`, which raises the same errors.

    Returns
    -------
    ndarray, shape (d,)
    """
    from sbiwb.registry import build_simulator

    task = _check(task, number)
    return published_row(task, number)[: build_simulator(f"benchmark.{task}").prior.dim]


def published_c2st(task: str, budget: int) -> dict[str, tuple[Array, float]]:
    """Published C2ST of eight algorithms.

    Parameters
    ----------
    task : str
        As for `reference_posterior`, which raises the same errors.
    budget : int
        Simulations: 1,000, 10,000 or 100,000.

    Returns
    -------
    dict of str to (ndarray, shape (5,), and float)
        For each algorithm its scores on observations 1 to 5, and the mean over all ten.
    """
    task = _check(task, NUMBERS[0])
    text = (resources.files(__package__) / "data" / "published_c2st.csv").read_text("utf-8")
    rows = [row for row in csv.DictReader(text.splitlines()) if row["task"] == task]
    if budget not in BUDGETS:
        raise UsageError("no published scores", got=budget, expected=f"one of {BUDGETS}")
    return {
        row["algorithm"]: (
            np.array([float(row[f"c2st_{number}"]) for number in NUMBERS]),
            float(row["mean_of_ten"]),
        )
        for row in rows
        if int(row["simulations"]) == budget
    }


def _check(task: str, number: int) -> str:
    task = task.removeprefix("benchmark.")
    if task not in TASKS:
        raise unknown_name("task", task, TASKS)
    if number not in NUMBERS:
        raise UsageError(
            "no such observation", got=number, expected=f"{NUMBERS[0]} to {NUMBERS[-1]}"
        )
    return task
