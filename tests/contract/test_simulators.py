"""Every registered simulator keeps its contract, and every clause catches one that breaks it."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

from sbiwb import (
    LinearConstraint,
    Normal,
    Observation,
    Output,
    Parameter,
    Prior,
    Simulator,
    Uniform,
    registry,
)
from sbiwb.core.distributions import Distribution
from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.function import simulator as from_function
from sbiwb.core.views import Curves
from sbiwb.errors import UsageError
from sbiwb.testing import ContractError, check_simulator

PRIOR = Prior((Parameter("a", Uniform(-1.0, 2.0)), Parameter("s", Uniform(0.5, 1.5))))


class Line(Simulator):
    """Three points of mean a and standard deviation s: keeps every clause."""

    name, version, prior, output = "toy.line", "1", PRIOR, Output((3,), names=("p", "q", "r"))

    def __init__(self, slope=1.0):
        self.slope = slope
        self.options = {"slope": slope}

    def mean(self, theta):
        return self.slope * theta[:, :1] * np.array([1.0, 2.0, 3.0])

    def simulate(self, theta, rng):
        return self.mean(theta) + theta[:, 1:] * rng.standard_normal((len(theta), 3))

    def log_likelihood(self, theta, x):
        residual = (x - self.mean(theta)) / theta[:, 1:]
        norm = 3 * np.log(theta[:, 1]) + 1.5 * np.log(2 * np.pi)
        return -0.5 * np.sum(residual**2, axis=-1) - norm

    def log_likelihood_torch(self, theta, x):
        import torch

        mean = self.slope * theta[:, :1] * torch.tensor([1.0, 2.0, 3.0], dtype=theta.dtype)
        residual = (x - mean) / theta[:, 1:]
        norm = 3 * torch.log(theta[:, 1]) + 1.5 * np.log(2 * np.pi)
        return -0.5 * (residual**2).sum(-1) - norm

    def default_observation(self):
        return Observation(np.array([1.0, 2.0, 3.0]))


def faulty(**changes):
    """A `Line` with methods or attributes replaced."""
    return type("Faulty", (Line,), changes)()


def with_attribute(name, value):
    simulator = Line()
    setattr(simulator, name, value)
    return simulator


class Lopsided(Distribution):
    """Uniform draws with a density that rises: a third party's slip."""

    support = (0.0, 1.0)

    def log_pdf(self, x):
        return np.where((x >= 0) & (x <= 1), np.log(0.5 + x), -np.inf)

    def cdf(self, x):
        return np.clip(x, 0.0, 1.0)

    def ppf(self, u):
        return u

    def describe(self):
        return {"distribution": "Lopsided"}


class BadInverse(Lopsided):
    """A quantile function that is not the inverse of the CDF."""

    def ppf(self, u):
        return u**2


class Outside(Lopsided):
    """A quantile function that leaves the support."""

    def ppf(self, u):
        return 2 * u


def draw(scale=1.0, bad=None):
    """A `simulate` of another noise level, or with `bad` written into the first entry."""

    def simulate(self, theta, rng):
        x = self.mean(theta) + scale * theta[:, 1:] * rng.standard_normal((len(theta), 3))
        if bad is not None:
            x[0, 0] = bad
        return x

    return simulate


def simulate_from_global(self, theta, rng):
    return self.mean(theta) + np.random.standard_normal((len(theta), 3))  # noqa: NPY002


def simulate_from_python(self, theta, rng):
    random.random()
    return Line.simulate(self, theta, rng)


def simulate_from_torch(self, theta, rng):
    import torch

    torch.randn(1)
    return Line.simulate(self, theta, rng)


def simulate_from_memory(self, theta, rng):
    self.calls = getattr(self, "calls", 0) + 1
    return Line.simulate(self, theta, rng) + self.calls


def simulate_in_place(self, theta, rng):
    x = Line.simulate(self, theta, rng)
    theta += 1.0
    return x


def simulate_never(self, theta, rng):
    raise RuntimeError("no licence")


def likelihood_in_place(self, theta, x):
    value = Line.log_likelihood(self, theta, x)
    x *= 1.0 + 1e-9
    return value


def likelihood_centred(self, theta, x):
    value = Line.log_likelihood(self, theta, x)
    return value - value.mean()


def likelihood_of_rows_only(self, theta, x):
    return Line.log_likelihood(self, theta, x) + (0.0 if x.ndim == 2 else 1.0)


def likelihood_plus(extra):
    return lambda self, theta, x: Line.log_likelihood(self, theta, x) + extra(theta)


def twin_detached(self, theta, x):
    value = Line.log_likelihood_torch(self, theta, x)
    return value.detach() + 0.0 * theta.sum()


def twin_single(self, theta, x):
    return Line.log_likelihood_torch(self, theta, x).float()


def twin_shifted(self, theta, x):
    return Line.log_likelihood_torch(self, theta, x) + 1e-5


def line_view(curves, title="line"):
    return Curves(title, "$x$", "$y$", np.arange(2.0), curves)


def with_views(views):
    return faulty(views=lambda _, theta, _x: views(theta))


FAULTS = {
    "is not a sbiwb.Simulator": lambda: Line,
    "attribute 'version'": lambda: with_attribute("version", 1),
    "attribute 'costly'": lambda: with_attribute("costly", None),
    "name or version is empty": lambda: with_attribute("name", ""),
    "wrong number of names": lambda: with_attribute("output", Output((3,), names=("p",))),
    "options are not plain JSON": lambda: with_attribute("options", {"slope": (1.0,)}),
    "writing its options as JSON raised TypeError": lambda: with_attribute(
        "options", {"slope": np.eye(2)}
    ),
    "prior is not a sbiwb.Prior": lambda: with_attribute("prior", "flat"),
    "not the derivative": lambda: with_attribute("prior", Prior((Parameter("a", Lopsided()),))),
    "to_unit does not invert": lambda: with_attribute(
        "prior", Prior((Parameter("a", BadInverse()),))
    ),
    "prior draws lie outside": lambda: with_attribute("prior", Prior((Parameter("a", Outside()),))),
    "simulate at draws of the prior raised RuntimeError; got no licence": lambda: faulty(
        simulate=simulate_never
    ),
    "x is not an array": lambda: faulty(simulate=lambda _, theta, _rng: [[0.0] * 3] * len(theta)),
    "not of real numbers": lambda: faulty(
        simulate=lambda self, theta, _: self.mean(theta).astype(str)
    ),
    "x has the wrong shape": lambda: faulty(
        simulate=lambda self, theta, _: self.mean(theta)[:, :2]
    ),
    "x is infinite": lambda: faulty(simulate=draw(bad=np.inf)),
    "partly NaN": lambda: faulty(simulate=draw(bad=np.nan)),
    "all 16 simulations at draws of the prior failed": lambda: faulty(
        simulate=lambda _, theta, rng: np.full((len(theta), 3), np.nan) * rng.random()
    ),
    "changed theta in place": lambda: faulty(simulate=simulate_in_place),
    "global random state; got numpy.random": lambda: faulty(simulate=simulate_from_global),
    "global random state; got random": lambda: faulty(simulate=simulate_from_python),
    "global random state; got torch": lambda: faulty(simulate=simulate_from_torch),
    "the same stream gives different x": lambda: faulty(simulate=simulate_from_memory),
    "different streams give the same x": lambda: faulty(
        simulate=lambda self, theta, _: self.mean(theta)
    ),
    "rebuilding from its options raised TypeError": lambda: with_attribute(
        "options", {"steepness": 1.0}
    ),
    "rebuilt from its options has another fingerprint": lambda: with_attribute("version", "2"),
    "rebuilt from its options has another prior": lambda: with_attribute(
        "prior", Prior((PRIOR.parameters[0], Parameter("s", Uniform(0.5, 2.0))))
    ),
    "rebuilt from its options gives different x": lambda: with_attribute("slope", 2.0),
    "default observation raised": lambda: faulty(
        default_observation=lambda _: Observation(np.array([1.0, np.nan, 3.0]))
    ),
    "default observation is not an Observation": lambda: faulty(
        default_observation=lambda _: np.zeros(3)
    ),
    "observation_names is not a tuple": lambda: with_attribute("observation_names", "run1"),
    "observation names repeat": lambda: with_attribute("observation_names", ("run1", "run1")),
    "observation's name reads as a file": lambda: with_attribute("observation_names", ("a.csv",)),
    "its observation 'run1' raised NotImplementedError": lambda: with_attribute(
        "observation_names", ("run1",)
    ),
    "observation 'run1' is not an Observation": lambda: faulty(
        observation_names=("run1",), observation=lambda _, _name: np.zeros(3)
    ),
    "an observation has another name": lambda: faulty(
        observation_names=("run1",), observation=lambda _, _name: Observation(np.zeros(3))
    ),
    "views raised UsageError": lambda: with_views(lambda theta: [line_view(theta[:, 0])]),
    "neither Curves nor Outlines": lambda: with_views(lambda theta: [theta]),
    "does not show one for each draw": lambda: with_views(lambda theta: [line_view(theta[:1])]),
    "titles of views repeat": lambda: with_views(lambda theta: [line_view(theta)] * 2),
    "titles of views depend": lambda: with_views(
        lambda theta: [line_view(theta, f"{len(theta)} draws")]
    ),
    "mean has the wrong shape": lambda: faulty(
        simulate=lambda _, theta, rng: rng.random((len(theta), 3)),
        mean=lambda _, theta: theta[:, 0],
    ),
    "mean of a row depends": lambda: faulty(
        mean=lambda self, theta: Line.mean(self, theta) + 1e-8 * theta.mean()
    ),
    "mean is not the average": lambda: faulty(
        simulate=lambda self, theta, rng: Line.simulate(self, theta, rng) + 0.2
    ),
    "log_likelihood has the wrong shape": lambda: faulty(
        log_likelihood=lambda self, theta, x: Line.log_likelihood(self, theta, x)[:, None]
    ),
    "not finite at data it simulated": lambda: faulty(
        log_likelihood=lambda _, theta, _x: np.full(len(theta), -np.inf)
    ),
    "log_likelihood changed theta or x": lambda: faulty(log_likelihood=likelihood_in_place),
    "log_likelihood of a row depends": lambda: faulty(log_likelihood=likelihood_centred),
    "one x shared by all rows differs": lambda: faulty(log_likelihood=likelihood_of_rows_only),
    "log_likelihood and simulate disagree: the mean of p": lambda: faulty(
        log_likelihood=likelihood_plus(lambda theta: 3 * np.log(theta[:, 1]))
    ),
    "log_likelihood and simulate disagree": lambda: faulty(simulate=draw(scale=1.5)),
    "not normalised over x": lambda: faulty(log_likelihood=likelihood_plus(lambda _: 0.2)),
    "log_likelihood_torch has the wrong shape or type": lambda: faulty(
        log_likelihood_torch=twin_single
    ),
    "log_likelihood_torch differs": lambda: faulty(log_likelihood_torch=twin_shifted),
    "gradient of log_likelihood_torch is wrong": lambda: faulty(log_likelihood_torch=twin_detached),
}


@pytest.mark.parametrize("clause", FAULTS)
def test_a_broken_clause_is_caught_and_named(clause):
    with pytest.raises(ContractError) as caught:
        check_simulator(FAULTS[clause]())
    assert clause in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(20))
def test_a_sound_simulator_passes_whatever_the_seed(seed):
    check_simulator(Line(slope=0.5), seed=seed)


def test_sound_views_pass():
    check_simulator(with_views(lambda theta: [line_view(theta)]), repeats=0)
    check_simulator(with_views(lambda _: []), repeats=0)


def test_monte_carlo_clauses_can_be_left_out():
    biased = faulty(simulate=lambda self, theta, rng: Line.simulate(self, theta, rng) + 0.2)
    check_simulator(biased, repeats=0)


def test_failed_rows_are_allowed():
    def simulate(self, theta, rng):
        x = Line.simulate(self, theta, rng)
        x[theta[:, 0] > 1] = np.nan
        return x

    check_simulator(faulty(simulate=simulate))


def test_discrete_data_pass():
    from scipy import special

    prior = Prior((Parameter("rate", Uniform(1.0, 5.0)),))

    def log_likelihood(theta, x):
        return np.sum(special.xlogy(x, theta) - theta - special.gammaln(x + 1), axis=-1)

    counts = from_function(
        lambda theta, rng: rng.poisson(theta[0], size=4).astype(float),
        prior,
        name="counts",
        log_likelihood=log_likelihood,
    )
    check_simulator(counts)


def test_a_crescent_passes_though_no_gaussian_covers_it():
    prior = Prior((Parameter("a", Uniform(0.0, 1.0)),))

    def simulate(theta, rng):
        angle, radius = (
            rng.uniform(0, np.pi, len(theta)),
            1 + 0.05 * rng.standard_normal(len(theta)),
        )
        return np.stack([radius * np.cos(angle) + theta[:, 0], radius * np.sin(angle)], axis=1)

    def log_likelihood(theta, x):
        across, up = x[:, 0] - theta[:, 0], x[:, 1]
        radius = np.hypot(across, up)
        normal = -0.5 * ((radius - 1) / 0.05) ** 2 - np.log(0.05 * np.sqrt(2 * np.pi))
        return np.where(up > 0, normal - np.log(np.pi * radius), -np.inf)

    check_simulator(
        from_function(simulate, prior, batched=True, log_likelihood=log_likelihood, name="moon")
    )


def test_data_with_an_entry_that_never_varies_pass():
    def simulate(theta, rng):
        x = theta[:, :1] + theta[:, 1:] * rng.standard_normal((len(theta), 3))
        x[:, 2] = 7.0
        return x

    def log_likelihood(theta, x):
        residual = (x[..., :2] - theta[:, :1]) / theta[:, 1:]
        value = -0.5 * np.sum(residual**2, axis=-1) - 2 * np.log(theta[:, 1]) - np.log(2 * np.pi)
        return np.where(x[..., 2] == 7.0, value, -np.inf)

    check_simulator(
        from_function(simulate, PRIOR, batched=True, log_likelihood=log_likelihood, name="held")
    )


def between(slip):
    """Uniform data between θ and θ + 1: their edges move with θ."""

    def log_likelihood(theta, x):
        inside = (x > theta) & (x < theta + 1)
        return np.where(inside, slip * theta, -np.inf)[:, 0]

    return from_function(
        lambda theta, rng: theta + rng.random(theta.shape),
        Prior((Parameter("a", Uniform(-3.0, 3.0)),)),
        batched=True,
        log_likelihood=log_likelihood,
        name="between",
    )


@pytest.mark.parametrize("seed", range(20))
def test_edges_that_move_with_theta_pass(seed):
    check_simulator(between(0.0), seed=seed)


def test_a_normalisation_that_varies_is_caught_where_edges_move():
    with pytest.raises(ContractError, match="the share of data that both can give"):
        check_simulator(between(3.0))


def test_priors_of_every_kind_pass():
    prior = Prior(
        (
            Parameter("u", Uniform(-3, 1)),
            Parameter("v", Uniform(-3, 2)),
            Parameter("n", Normal(0, 2)),
        ),
        LinearConstraint(("v", "u"), (1.0, 1.0), 0.0),
    )
    for each in (prior, prior.restrict([0.1, 0.2, 0.3], [0.8, 0.5, 1.0])):
        check_simulator(
            from_function(
                lambda theta, rng: theta + rng.standard_normal(theta.shape),
                each,
                batched=True,
                name="identity",
            )
        )


def test_a_simulator_with_fixed_parameters_is_rebuilt_too():
    check_simulator(FixedSimulator(Line(), {"s": 1.0}))
    wrong = FixedSimulator(with_attribute("slope", 2.0), {"s": 1.0})
    with pytest.raises(ContractError, match="rebuilt from its options"):
        check_simulator(wrong)


def test_the_registry_knows_the_simulators_that_ship():
    assert "cosmology.bao" in registry.names("simulators")


@pytest.mark.parametrize("name", registry.names("simulators"))
def test_every_registered_simulator_keeps_the_contract(name):
    try:
        simulator = registry.build_simulator(name)
    except UsageError as error:
        # An extra that is not installed.  Where all should be installed, that is a failure.
        if "CI" in os.environ or "pip install" not in str(error):
            raise
        pytest.skip(str(error))
    check_simulator(simulator, repeats=200 if simulator.costly else 2000)
