"""Dark energy from DESI DR2 and Union3: the recipe, the reference posterior and the figure."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sbiwb.config import find_recipe, read_recipe
from sbiwb.rng import stream
from sbiwb.simulators.cosmology.background import Background
from sbiwb.simulators.cosmology.models import MODELS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "references" / "desi_union3_w0wacdm.nc"


@pytest.fixture(scope="module")
def reference():
    with xr.open_dataset(REFERENCE, engine="h5netcdf") as dataset:
        return dataset.load()


def test_the_recipe_compares_every_model_on_the_same_data():
    recipe = read_recipe(find_recipe("dark_energy"))
    options = [problem.options for problem in recipe.problems.values()]
    assert [given["model"] for given in options] == list(MODELS)
    assert all(given["data"] == ["desi_dr2", "union3"] for given in options)
    assert {problem.simulator for problem in recipe.problems.values()} == {"cosmology.background"}


def test_the_reference_tells_how_it_was_made_and_that_it_converged(reference):
    assert list(reference) == ["Om", "hrd", "w0", "wa"]
    assert reference.sizes["chain"] * reference.sizes["draw"] >= 5000
    assert all(reference[name].dtype == np.float32 for name in reference)
    attrs = reference.attrs
    assert (ROOT / attrs["command"].removeprefix("python ")).is_file()
    assert attrs["log_evidence_err"] < 0.1
    assert attrs["effective_draws"] >= 5000
    assert "fail" not in attrs["checks"]
    # An ensemble sampler that shares nothing with it but the likelihood.
    assert attrs["cross_check_rhat"] < 1.01
    assert attrs["cross_check_ess"] > 5000
    assert attrs["cross_check_largest_shift"] < 0.06  # four standard errors of such draws
    assert attrs["cross_check_largest_width_ratio"] < 1.06


def test_the_reference_is_what_desi_published(reference):
    # DR2 Results II, table V, DESI + Union3: this likelihood and these priors of w0 and wa.
    published = {"Om": (0.328, 0.017), "w0": (-0.70, 0.11), "wa": (-0.99, 0.57)}
    for name, (mean, sd) in published.items():
        draws = reference[name].to_numpy()
        # Within a tenth of its error, to which their own rounding adds.
        assert draws.mean() == pytest.approx(mean, abs=0.15 * sd)
        assert draws.std() == pytest.approx(sd, rel=0.15)


def test_the_reference_has_the_density_of_the_likelihood(reference):
    """Draws weighted by likelihood ratios must say how the posterior would change."""
    simulator = Background(["desi_dr2", "union3"], "w0wacdm")
    theta = np.stack([reference[name].to_numpy().ravel() for name in reference], axis=1)
    x = simulator.default_observation().x
    inside = np.isfinite(simulator.prior.log_prob(theta))
    assert inside.mean() > 0.999  # float32 may step over w0 + wa = 0
    log_like = simulator.log_likelihood(theta[inside].astype(float), x)
    # E over the posterior of q(θ)/L(θ)π(θ) is 1/Z for every density q inside it: here a Gaussian
    # narrow enough to stay clear of the bound.
    centre, spread = theta.mean(axis=0), 0.6**2 * np.cov(theta.T)
    residual = np.linalg.solve(np.linalg.cholesky(spread), (theta[inside] - centre).T)
    log_q = -0.5 * np.sum(residual**2, axis=0) - 0.5 * np.linalg.slogdet(2 * np.pi * spread)[1]
    ratio = log_q - log_like - simulator.prior.log_prob(theta[inside].astype(float))
    weight = np.exp(ratio - ratio.max())
    estimate = -(np.log(weight.mean()) + ratio.max())
    error = weight.std() / weight.mean() / np.sqrt(len(weight))
    evidence, its_error = reference.attrs["log_evidence"], reference.attrs["log_evidence_err"]
    assert estimate == pytest.approx(evidence, abs=4 * np.hypot(error, its_error))
    assert error < 0.05


def test_oscillations_fit_better_than_a_cosmological_constant_though_barely_better_than_w0wa():
    best = {}
    for name in ("lcdm", "w0wacdm", "osc_damped_sin"):
        simulator = Background(["desi_dr2", "union3"], name)
        x = simulator.default_observation().x
        theta = simulator.prior.sample(20_000, stream(0, "search"))
        for width in (0.3, 0.1, 0.03, 0.01, 0.003):  # a search that narrows around the best
            value = simulator.log_likelihood(theta, x)
            centre = simulator.prior.to_unit(theta[value.argmax()][np.newaxis])
            step = width * stream(0, "step", str(width)).standard_normal((20_000, theta.shape[1]))
            theta = simulator.prior.from_unit(np.clip(centre + step, 0, 1))
        best[name] = simulator.log_likelihood(theta, x).max()
    assert -2 * (best["w0wacdm"] - best["lcdm"]) == pytest.approx(-10.0, abs=0.1)
    assert -2 * (best["osc_damped_sin"] - best["lcdm"]) == pytest.approx(-10.4, abs=0.1)


def test_the_figure_of_the_how_to_is_drawn(tmp_path):
    script = runpy.run_path(str(ROOT / "docs" / "examples" / "cosmology_dark_energy.py"))
    script["main"](tmp_path / "figure.png", nlive=25)
    assert (tmp_path / "figure.png").stat().st_size > 10_000
