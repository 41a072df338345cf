"""The Gaussian experiment of the TARP paper, and the script of its figure."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "docs/examples/tarp_gaussian.py"))


@pytest.mark.parametrize(
    ("case", "by_references", "by_density"),
    [
        ("correct", True, True),
        ("overconfident", False, False),
        ("underconfident", False, False),
        # The paper's point: displaced posteriors may keep the coverage of densest regions.
        ("biased", False, True),
    ],
)
def test_verdicts_are_those_of_the_paper(case, by_references, by_density):
    tarp, density = SCRIPT["verdicts"](case, simulations=300, draws=200)
    assert tarp.passed is by_references
    assert density.passed is by_density


def test_the_figure_can_be_made(tmp_path):
    SCRIPT["main"](tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 20_000
