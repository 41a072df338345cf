"""The joint density given as a table, against brute force and the contract of priors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sbiwb import GridDensity, LinearConstraint, Normal, Parameter, Prior, Uniform
from sbiwb.errors import DataError, UsageError
from sbiwb.rng import stream
from sbiwb.testing import ContractError
from sbiwb.testing.prior import check_prior

NAMES = ("a", "b", "c")


def table(shape, seed=0, holes=0.3):
    """Random weights, a part of them zero, and zero around the outside."""
    rng = stream(seed, "weights")
    inner = rng.random(shape) * (rng.random(shape) > holes)
    return GridDensity(
        NAMES[: len(shape)],
        (-1.0, 2.0, 0.5)[: len(shape)],
        (0.5, 2.0, 1.0)[: len(shape)],
        np.pad(inner, 1),
    )


def prior_of(density, *others):
    own = (Parameter(n, d) for n, d in zip(density.names, density.distributions, strict=True))
    return Prior((*own, *others), joint=density)


@pytest.mark.parametrize("shape", [(6,), (5, 7), (4, 5, 6)])
@pytest.mark.parametrize("seed", range(3))
def test_draws_density_and_maps_belong_together(shape, seed):
    prior = prior_of(table(shape, seed), Parameter("n", Normal(0.0, 1.0)))
    check_prior(prior, "table", seed=seed)
    check_prior(prior.restrict([0.2] * prior.dim, [0.7] * prior.dim), "box", seed=seed)


def test_a_wrong_density_would_be_caught(monkeypatch):
    right = GridDensity.log_pdf
    monkeypatch.setattr(GridDensity, "log_pdf", lambda self, *x: right(self, *x) + 0.01)
    with pytest.raises(ContractError, match="not the derivative"):
        check_prior(prior_of(table((5, 7))), "table")


@pytest.mark.parametrize("shape", [(6,), (5, 7), (4, 5, 6)])
def test_the_density_is_linear_between_nodes_and_integrates_to_one(shape):
    density = table(shape)
    fine = 20
    axes = [
        low + step * (np.arange(fine * (size - 1)) + 0.5) / fine
        for (low, _), step, size in zip(
            density.ranges, density.step, density.weights.shape, strict=True
        )
    ]
    points = [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]
    value = np.exp(density.log_pdf(*points))
    # The midpoint rule is exact for a function that is linear along each axis of a cell.
    cell = np.prod([step / fine for step in density.step])
    assert value.sum() * cell == pytest.approx(1.0, rel=1e-10)
    nodes = np.meshgrid(
        *(
            low + step * np.arange(size)
            for (low, _), step, size in zip(
                density.ranges, density.step, density.weights.shape, strict=True
            )
        ),
        indexing="ij",
    )
    at_nodes = np.exp(density.log_pdf(*(n.ravel() for n in nodes))).reshape(density.weights.shape)
    assert at_nodes / at_nodes.max() == pytest.approx(
        density.weights / density.weights.max(), abs=1e-12
    )


def test_draws_fall_where_the_density_says():
    density = table((4, 5))
    draws = prior_of(density).sample(20_000, stream(1, "draws"))
    cells = np.floor((draws - density.start) / density.step).astype(int)
    w = density.weights
    mass = (w[1:, 1:] + w[1:, :-1] + w[:-1, 1:] + w[:-1, :-1]).ravel()
    counts = np.bincount(cells[:, 0] * (w.shape[1] - 1) + cells[:, 1], minlength=mass.size)
    filled = mass > 0
    assert counts[~filled].sum() == 0
    expected = len(draws) * mass[filled] / mass.sum()
    assert stats.chisquare(counts[filled], expected).pvalue > 1e-4
    # The planted fault: a uniform table is told apart.
    assert (
        stats.chisquare(counts[filled], np.full(filled.sum(), counts.sum() / filled.sum())).pvalue
        < 1e-4
    )


def test_the_map_is_continuous_through_the_faces_of_cells():
    density = GridDensity(NAMES[:2], (0, 0), (1, 1), np.array([[1.0, 1, 0], [0, 2, 2], [1, 1, 1]]))
    b, a_unit = np.array([0.3, 0.3]), density.to_unit(np.ones(2), np.ones(2))[0]
    first, second = density.from_unit(a_unit + np.array([-1e-9, 1e-9]), b)
    assert np.ptp(first) < 1e-7
    assert np.ptp(second) < 1e-7


def test_outside_and_in_holes_the_density_is_zero():
    density = GridDensity(("a",), (0.0,), (1.0,), np.array([0.0, 1, 0, 0, 1, 0]))
    log_pdf = density.log_pdf(np.array([-0.1, 0.0, 0.5, 2.5, 5.0, 5.1, np.nan]))
    assert np.isfinite(log_pdf).tolist() == [False, False, True, False, False, False, False]
    unit = np.linspace(0, 1, 101)
    assert np.all(np.abs(density.from_unit(unit)[0] - 2.5) >= 0.5)


def test_fixing_a_parameter_leaves_the_conditional_density():
    density = table((4, 5, 6))
    prior = prior_of(density, Parameter("n", Normal(0.0, 1.0)))
    fixed = prior.fix({"b": 5.1})
    assert fixed.names == ("a", "c", "n")
    check_prior(fixed, "conditional")
    theta = prior.sample(50, stream(2, "theta"))
    theta[:, 1] = 5.1
    joint, conditional = prior.log_prob(theta), fixed.log_prob(theta[:, [0, 2, 3]])
    inside = np.isfinite(joint)
    assert inside.sum() > 5
    assert np.array_equal(inside, np.isfinite(conditional))
    assert np.ptp((joint - conditional)[inside]) < 1e-10
    assert prior.fix({"a": 0.1, "b": 5.1, "c": 3.0}).joint is None


def test_a_value_where_the_density_is_zero_cannot_be_fixed():
    density = GridDensity(("a",), (0.0,), (1.0,), np.array([0.0, 1, 0, 0, 1, 0]))
    prior = prior_of(density, Parameter("n", Normal(0.0, 1.0)))
    with pytest.raises(UsageError, match="the prior is zero at the fixed value of a"):
        prior.fix({"a": 2.5})


def test_it_is_part_of_the_prior_s_key():
    one, same, other = table((4, 5)), table((4, 5)), table((4, 5), seed=1)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert prior_of(one).key == prior_of(same).key != prior_of(other).key
    plain = Prior((Parameter("a", Uniform(0, 1)),))
    assert "joint" not in plain.describe()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((("a", "b"), (0,), (1,), np.ones(3)), UsageError, "2 different names, 1 starts"),
        ((("a",), (0,), (0,), np.ones(3)), DataError, "positive steps"),
        ((("a",), (0,), (1,), np.ones(1)), DataError, "at least two nodes"),
        ((("a",), (0,), (1,), np.zeros(3)), DataError, "not all zero"),
        ((("a",), (0,), (1,), np.array([1.0, -1, 2])), DataError, "values from -1 to 2"),
    ],
)
def test_bad_tables_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        GridDensity(*arguments)


def test_parameters_must_fit_the_joint_density():
    density = table((4, 5))
    a, b = (Parameter(n, d) for n, d in zip(density.names, density.distributions, strict=True))
    with pytest.raises(UsageError, match="in this order"):
        Prior((b, a), joint=density)
    with pytest.raises(UsageError, match="uniform over its axes"):
        Prior((a, Parameter("b", Uniform(0, 1))), joint=density)
    with pytest.raises(UsageError, match="unconstrained"):
        Prior((a, b), LinearConstraint(("a", "b"), (1.0, 1.0), 3.0), joint=density)
