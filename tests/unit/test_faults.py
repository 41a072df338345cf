"""The page of faults: every fault has a row, every row is proved by tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sbiwb.errors
from sbiwb.errors import SbiwbError
from sbiwb.interruption import EXIT_CODE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/faults.md").read_text()
CODES = PAGE.partition("## Exit codes")[2].partition("##")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "::" in line
]
FILES = {path.stem: path for path in (ROOT / "tests").rglob("test_*.py")}


def test_every_fault_of_the_matrix_has_its_row():
    numbers = [int(row[0].strip("| ")) for row in ROWS if row[0].strip("| ")]
    assert sorted(numbers) == list(range(1, 28))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_every_row_names_tests_that_there_are(row):
    named = re.findall(r"`(\w+)::(\w+)`", row[-1])
    assert named
    assert row[-1] == ", ".join(f"`{file}::{test}`" for file, test in named)
    for file, test in named:
        assert re.search(rf"^def {test}\(", FILES[file].read_text(), re.MULTILINE), (file, test)


def test_every_exit_code_is_explained():
    kinds = [kind for kind in vars(sbiwb.errors).values() if isinstance(kind, type)]
    kinds = [kind for kind in kinds if issubclass(kind, SbiwbError) and kind is not SbiwbError]
    assert len(kinds) >= 6
    explained = dict(re.findall(r"^\| (\d+) \| .* \| (.*)\|$", CODES, re.MULTILINE))
    for kind in kinds:
        assert f"`{kind.__name__}`" in explained[str(kind.exit_code)]
    assert str(EXIT_CODE) in explained
