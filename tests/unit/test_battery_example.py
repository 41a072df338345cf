"""The figure of the how-to page on batteries can be made."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("pybamm")

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "battery_discrepancy.py"


def test_the_figure_is_made(tmp_path):
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.DRAWS = 20
    module.main(tmp_path / "figure.png", nlive=14)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
