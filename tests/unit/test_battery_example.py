"""The figure of the how-to page on batteries, and what the check says of its two fits."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("pybamm")

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "battery_discrepancy.py"


def test_the_trusted_model_fails_and_the_figure_is_made(tmp_path):
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    trusted, with_discrepancy = module.main(tmp_path / "figure.png")
    assert trusted.outcome == "fail"
    assert "neighbours deviate together" in trusted.message
    assert with_discrepancy.outcome != "fail"
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
