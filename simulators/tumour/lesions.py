"""Lesions measured again and again in drug trials: Laleh et al. (2022), 1461 series.

Eight of them come with the package; the whole table is a data set of its own.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.datasets import dataset
from sbiwb.errors import DataError, UsageError

COUNT = 1461
DEFAULT = 1404
SOURCE = "Laleh et al. (2022), PLOS Comput. Biol. 18, e1009822; table as in TumorGrowth.jl"


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion.

    Parameters
    ----------
    number : int
        Its row in the table, from 0.
    days : ndarray, shape (k,)
        Days of the readings, from the first.
    volumes : ndarray, shape (k,)
        In mm³; zero where the lesion was not seen.
    arm, response : str
        Arm of the study, and the course as the authors class it: up, down or flux.
    """

    number: int
    days: Array
    volumes: Array
    arm: str
    response: str


def lesion(number: int) -> Lesion:
    """Return the lesion of row `number`.

    Raises
    ------
    UsageError
        If there is no such row.
    DataError
        If the whole table is needed and not to be had.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < COUNT:
        raise UsageError("no such lesion", got=repr(number), expected=f"a row 0 to {COUNT - 1}")
    shipped = _shipped()
    return shipped[number] if number in shipped else _table()[number]


def shipped_numbers() -> list[int]:
    """Rows that need no download."""
    return sorted(_shipped())


@lru_cache(maxsize=1)
def _shipped() -> dict[int, Lesion]:
    text = (resources.files(__package__) / "data" / "lesions.csv").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {int(row["number"]): _lesion(int(row["number"]), row) for row in csv.DictReader(lines)}


@lru_cache(maxsize=1)
def _table() -> dict[int, Lesion]:
    (file,) = dataset("tumour.lesions").files
    with file.get().open(encoding="utf-8", newline="") as text:
        return {number: _lesion(number, row) for number, row in enumerate(csv.DictReader(text))}


def _lesion(number: int, row: dict[str, str]) -> Lesion:
    try:
        days, volumes = (np.array(json.loads(row[k]), float) for k in ("T_days", "Lesion_vol"))
    except (KeyError, ValueError) as error:
        raise DataError(f"the table of lesions is damaged at row {number}", got=error) from error
    return Lesion(number, days - days[0], volumes, row["Study_Arm"], row["response"])
