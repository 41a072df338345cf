"""Chains that GetDist writes are read as it reads them, and its figure stands beside ours."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import sbiwb

sys.path.append(str(Path(__file__).parents[1] / "unit"))
from fabricated_results import gaussian_draws, toy_result

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "docs/examples/beside_getdist.py"))
# Its own warnings, of which none is about the draws.
pytestmark = pytest.mark.filterwarnings("ignore:::getdist")


@pytest.fixture
def results():
    return [toy_result(method, gaussian_draws(k)) for k, method in enumerate(SCRIPT["METHODS"])]


@pytest.fixture
def getdist():
    return pytest.importorskip(
        "getdist", reason="GetDist is not installed: pip install 'sbiwb[docs]'"
    )


def test_our_figure_stands_alone(results, tmp_path):
    SCRIPT["ours"](results, tmp_path / "ours.svg")
    text = (tmp_path / "ours.svg").read_text()
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "--series-2: #d55e00" in text
    # Letters are drawn once and used again; nothing is asked of others.
    assert re.findall(r'href="(?!#)', text) == []


def test_getdist_draws_the_same_draws(getdist, results, tmp_path):
    SCRIPT["theirs"](results, tmp_path / "theirs.png")
    assert (tmp_path / "theirs.png").stat().st_size > 10_000


@pytest.mark.parametrize("whole", [True, False], ids=["counts", "fractions"])
def test_chains_of_getdist_give_its_own_numbers(getdist, tmp_path, whole):
    rng = np.random.default_rng(1)
    theta = rng.normal(size=(2000, 2)) @ np.array([[0.01, 0.5], [0.0, 1.0]]) + [0.3, 70.0]
    weight = rng.integers(1, 6, 2000) if whole else rng.exponential(size=2000)
    theirs = getdist.MCSamples(
        samples=theta,
        weights=weight.astype(float),
        loglikes=np.sum(theta**2, axis=1),
        names=["omegam", "H0"],
        labels=[r"\Omega_m", "H_0"],
        ranges={"omegam": (0.0, None)},
        sampler="mcmc" if whole else "nested",
    )
    theirs.addDerived(2 * theirs["omegam"], "twice", label="2x")
    theirs.saveAsText(str(tmp_path / "root"))
    result = sbiwb.read_draws(tmp_path / "root")
    assert result.names == ("omegam", "H0")
    error = theta.std(axis=0) / np.sqrt(2000)
    # Counts are exact, but for the six digits that GetDist writes; fractions are resampled, which
    # adds 7 % of the Monte Carlo error at most (1σ).
    tolerance = 1e-3 if whole else 0.3
    assert np.all(np.abs(result.samples().mean(axis=0) - theirs.getMeans()[:2]) < tolerance * error)
    widths = result.samples().std(axis=0) / np.sqrt(theirs.getVars()[:2])
    np.testing.assert_allclose(widths, 1, atol=1e-3 if whole else 0.01)
    quantity = sbiwb.compare([result]).groups[0].quantity("omegam")
    assert (quantity.label, quantity.support) == (r"\Omega_m", (0.0, np.inf))
    assert sbiwb.read_draws(tmp_path / "root", parameters=["twice"]).names == ("twice",)
