"""Distances: convergence over the whole priors, closed forms, and the Torch twin."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from sbiwb import Prior
from sbiwb.rng import stream
from sbiwb.simulators.cosmology.distances import NODES, Distances, curved, quadrature
from sbiwb.simulators.cosmology.models import MODELS, OMEGA_M

# Clustered, far apart, unordered and repeated redshifts up to 3.
REDSHIFTS = {
    "desi": np.array([0.295, 0.51, 0.51, 0.706, 0.934, 1.321, 1.484, 2.33, 2.33]),
    "far": np.array([3.0]),
    "near": np.array([1e-4]),
    "unordered": np.array([2.9, 0.01, 0.011, 2.9, 1.0]),
    "random": stream(0, "z").uniform(0, 3, 20),
}


def prior_of(model):
    return Prior((OMEGA_M, *model.parameters), model.constraint)


def points(model, n=2000):
    """Draws of the whole prior and every corner of it."""
    prior = prior_of(model)
    corners = np.array(list(itertools.product([0.0, 1.0], repeat=prior.dim)))
    theta = np.concatenate([prior.sample(n, stream(0, "theta")), prior.from_unit(corners)])
    return [column[:, np.newaxis] for column in theta.T]


def worst_error(model, z, nodes):
    columns = points(model)
    reference, _ = Distances(model, z, nodes=30)(*columns)
    comoving, _ = Distances(model, z, nodes=nodes)(*columns)
    return np.abs(comoving / reference - 1).max()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("z", REDSHIFTS.values(), ids=REDSHIFTS.keys())
def test_quadrature_has_converged_everywhere_in_the_prior(name, z):
    assert worst_error(MODELS[name], z, NODES) < 1e-7
    # The reference has converged too: fewer nodes give the same.
    assert worst_error(MODELS[name], z, 20) < 1e-12


def test_one_node_less_would_miss_the_target():
    errors = [worst_error(MODELS["w0wacdm"], z, NODES - 1) for z in REDSHIFTS.values()]
    assert max(errors) > 1e-6


OSCILLATING = [name for name in MODELS if name.startswith("osc_")]


def test_wide_panels_would_miss_oscillations():
    for name in ("osc_ln", "osc_z"):
        coarse = replace(MODELS[name], panel=0.6)
        assert max(worst_error(coarse, z, NODES) for z in REDSHIFTS.values()) > 1e-6


@pytest.mark.parametrize("nodes", [1, 3, NODES])
def test_quadrature_is_exact_for_polynomials_it_must_integrate(nodes):
    # In n = ln(1+z), ∫ f dz = ∫ f eⁿ dn: take f = e⁻ⁿ nᵏ, whose integral is n^{k+1}/(k+1).
    at = np.log1p(REDSHIFTS["unordered"])
    n, weights = quadrature(at, nodes, 0.3)
    for power in range(2 * nodes):
        integral = (np.exp(-n) * n**power) @ weights
        assert integral == pytest.approx(at ** (power + 1) / (power + 1), rel=1e-12)


def test_panels_are_no_wider_than_promised():
    n, _ = quadrature(np.log1p([3.0]), 1, 0.3)  # one node a panel: the panels' middles
    assert np.diff(n).max() <= 0.3
    assert len(n) == 5


def test_matter_alone_has_the_einstein_de_sitter_distance():
    z = REDSHIFTS["random"]
    comoving, hubble = Distances(MODELS["lcdm"], z)(np.array([[1.0]]))
    assert comoving[0] == pytest.approx(2 * (1 - 1 / np.sqrt(1 + z)), rel=1e-9)
    assert hubble[0] == pytest.approx((1 + z) ** -1.5, rel=1e-12)


def test_dark_energy_alone_has_the_de_sitter_distance():
    z = REDSHIFTS["random"]
    comoving, hubble = Distances(MODELS["lcdm"], z)(np.array([[0.0]]))
    assert comoving[0] == pytest.approx(z, rel=1e-9)
    assert hubble[0] == pytest.approx(np.ones_like(z), rel=1e-12)


def test_models_contain_one_another():
    z = REDSHIFTS["desi"]
    om, w0, zero = np.array([[0.3]]), np.array([[-0.7]]), np.array([[0.0]])
    lcdm, wcdm, cpl = (Distances(MODELS[name], z) for name in ("lcdm", "wcdm", "w0wacdm"))
    minus_one = np.array([[-1.0]])
    for ours, theirs in ((lcdm(om), wcdm(om, minus_one)), (wcdm(om, w0), cpl(om, w0, zero))):
        for a, b in zip(ours, theirs, strict=True):
            assert a == pytest.approx(b, rel=1e-14)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "lcdm"])
def test_density_is_the_integral_of_the_equation_of_state(name):
    model = MODELS[name]
    n = np.linspace(0, np.log(4), 20_001)
    prior = Prior(model.parameters, None if model.curved else model.constraint)
    for theta in prior.sample(5, stream(0, "w")):
        dark = theta[model.curved :]
        w = model.w(np.expm1(n), *dark)
        steps = 3 * np.diff(n) * (2 + w[1:] + w[:-1]) / 2  # trapezoid for 3∫(1 + w) dn
        expected = np.exp(np.concatenate([[0.0], np.cumsum(steps)]))[400::400]
        at = n[400::400]
        columns = dark.reshape(-1, 1, 1)
        density = np.broadcast_to(model.density(at, np)(*columns), (1, len(at)))[0]
        # The trapezoid errs by h²/12·(w′ at the ends)·3: |w′| ≤ |A B (1+z)| = 80, so 1e-7.
        assert density == pytest.approx(expected, rel=3e-7)


def test_oscillating_models_contain_one_another():
    z = REDSHIFTS["desi"]
    om, w0, a, one = (np.array([[value]]) for value in (0.3, -0.8, 0.7, 1.0))
    theirs = Distances(MODELS["osc_ln_sin"], z)(om, w0, a)
    for ours, other in zip(Distances(MODELS["osc_ln"], z)(om, w0, a, one), theirs, strict=True):
        assert ours == pytest.approx(other, rel=1e-7)
    wcdm = Distances(MODELS["wcdm"], z)(om, w0)
    for name in OSCILLATING:
        own = [w0, 0 * a, one][: len(MODELS[name].parameters)]
        for ours, other in zip(Distances(MODELS[name], z)(om, *own), wcdm, strict=True):
            assert ours == pytest.approx(other, rel=1e-7)


def test_an_empty_universe_has_the_milne_distance():
    z = REDSHIFTS["random"]
    model = MODELS["olcdm"]
    transverse, hubble = Distances(model, z)(np.array([[0.0]]), np.array([[1.0]]))
    assert transverse[0] == pytest.approx(np.sinh(np.log1p(z)), rel=1e-9)
    assert hubble[0] == pytest.approx(1 / (1 + z), rel=1e-12)


def test_a_closed_universe_shrinks_transverse_distances_and_a_flat_one_does_not():
    z, om, ok = REDSHIFTS["far"], np.array([[0.3]]), np.array([[-0.3]])
    model = MODELS["olcdm"]
    closed, _ = Distances(model, z)(om, ok)
    along, _ = Distances(replace(model, curved=False, density=milne(ok[0, 0])), z)(om, ok)
    root = np.sqrt(0.3)
    assert closed == pytest.approx(np.sin(root * along) / root, rel=1e-9)
    flat, _ = Distances(model, z)(om, 0 * ok)
    assert flat == pytest.approx(Distances(MODELS["lcdm"], z)(om)[0], rel=1e-14)


def milne(ok):
    """Curvature counted as if it were dark energy: its distances are not bent."""
    share = ok / 0.7  # of the 1 − Ωm = 0.7 that is not matter
    return lambda n, xp: lambda _: share * xp.exp(2 * n) + (1 - share)


def test_curved_is_sinh_and_sin():
    x = np.array([1e-12, 0.3, 4.0, 9.9])
    assert curved(x) == pytest.approx(np.sinh(np.sqrt(x)) / np.sqrt(x), rel=1e-13)
    assert curved(-x) == pytest.approx(np.sin(np.sqrt(x)) / np.sqrt(x), rel=1e-12)


def test_curvature_never_outweighs_matter_so_that_the_rate_is_real():
    model = MODELS["olcdm"]
    for z in REDSHIFTS.values():
        for distance in Distances(model, z)(*points(model, 20_000)):
            assert np.all(np.isfinite(distance))
            assert np.all(distance > 0)
    with np.errstate(invalid="ignore"):
        outside = Distances(model, REDSHIFTS["desi"])(np.array([[0.01]]), np.array([[-0.3]]))
    assert not np.all(np.isfinite(outside))


@pytest.mark.parametrize("name", ["lcdm", "olcdm"])
def test_every_equation_of_state_can_be_drawn(name):
    assert MODELS[name].w(np.array([0.0, 1.0])).tolist() == [-1.0, -1.0]


def test_order_and_repetition_of_redshifts_do_not_matter():
    model, z = MODELS["w0wacdm"], REDSHIFTS["unordered"]
    columns = points(model, 10)
    order = np.argsort(z)
    for ours, theirs in zip(
        Distances(model, z)(*columns), Distances(model, z[order])(*columns), strict=True
    ):
        assert ours[:, order] == pytest.approx(theirs, rel=1e-14)
        assert np.array_equal(ours[:, 0], ours[:, 3])


@pytest.mark.parametrize("name", MODELS)
def test_torch_twin_agrees_and_its_gradient_is_right(name):
    model, z = MODELS[name], REDSHIFTS["desi"]
    columns = points(model, 20)
    twin = Distances(model, z, torch)
    tensors = [torch.tensor(c, requires_grad=True) for c in columns]
    for ours, theirs in zip(Distances(model, z)(*columns), twin(*tensors), strict=True):
        assert theirs.dtype == torch.float64
        assert theirs.detach().numpy() == pytest.approx(ours, rel=1e-13)
    inner = [torch.tensor(c, requires_grad=True) for c in points_inside(model)]
    assert torch.autograd.gradcheck(twin, inner)


def points_inside(model):
    prior = prior_of(model)
    theta = prior.from_unit(stream(1, "inner").uniform(0.1, 0.9, (3, prior.dim)))
    return [column[:, np.newaxis] for column in theta.T]
