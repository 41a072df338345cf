"""The contract of an exact likelihood."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.prior import Prior
from sbiwb.rng import stream
from sbiwb.testing.contract import must_not_raise, require

if TYPE_CHECKING:
    import torch

    TorchLogLikelihood = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

LogLikelihood = Callable[[Array, Array], Array]

_STANDARD_ERRORS = 5.0


def check_likelihood(log_likelihood: LogLikelihood, subject: str, theta: Array, x: Array) -> None:
    """Check shapes and values of a log-likelihood at pairs (theta, x).

    Parameters
    ----------
    log_likelihood : callable
        ``fn(theta (n, d), x (n, *shape) or (*shape,)) -> (n,)``
    subject : str
        Whose it is, for the error.
    theta, x : ndarray, shapes (n, d) and (n, *shape)
        Parameters and data simulated from them.

    Raises
    ------
    ContractError
        Naming the broken clause.
    """
    given_theta, given_x = theta.copy(), x.copy()
    with must_not_raise(subject, "log_likelihood"):
        value = np.asarray(log_likelihood(given_theta, given_x))
    require(
        np.array_equal(given_theta, theta) and np.array_equal(given_x, x),
        subject,
        "log_likelihood changed theta or x in place",
    )
    expected = (len(theta),)
    require(
        value.shape == expected,
        subject,
        "log_likelihood has the wrong shape",
        got=value.shape,
        expected=expected,
    )
    require(
        np.all(np.isfinite(value)), subject, "log_likelihood is not finite at data it simulated"
    )
    with must_not_raise(subject, "log_likelihood of one row, or of one x shared by all rows"):
        rows = [log_likelihood(t[np.newaxis], y[np.newaxis]) for t, y in zip(theta, x, strict=True)]
        shared = np.asarray(log_likelihood(theta, x[0]))
        repeated = log_likelihood(theta, np.repeat(x[:1], len(theta), axis=0))
    require(
        _close(value, np.concatenate(rows)), subject, "log_likelihood of a row depends on others"
    )
    require(
        shared.shape == expected and _close(shared, repeated),
        subject,
        "log_likelihood of one x shared by all rows differs from that of x repeated",
    )


def check_normalisation(
    log_likelihood: LogLikelihood,
    prior: Prior,
    subject: str,
    theta: Array,
    draws: Array,
    seed: int,
    simulate: Callable[[Array], Array],
) -> None:
    """Check that a likelihood integrates to one over x, as far as simulations can tell.

    Parameters
    ----------
    log_likelihood : callable
        As in `check_likelihood`.
    prior : Prior
    subject : str
        Whose it is, for the error.
    theta : ndarray, shape (d,)
        A point inside the prior.
    draws : ndarray, shape (repeats, *shape)
        Data simulated there.
    seed : int
        Root seed.
    simulate : callable
        Data (n, *shape) for rows of parameters (n, d).

    Raises
    ------
    ContractError
        If a mean that should be one is five standard errors away from it.

    Notes
    -----
    With x ~ p(x|θ), the mean of p(x|θ′)/p(x|θ) is one for every θ′: a normalisation that depends on
    θ, and noise that differs from the simulator's, break it.  Where the data that θ can give end,
    at an edge that moves with θ, it is the share of data from θ′ that θ can give too.  With x ~ q,
    the mean of p(x|θ)/q(x) is one for every density q that covers p: a wrong constant breaks it.
    q is the Gaussian fitted to the draws, and the second test is made only where importance weights
    both ways show that p and q overlap: not for discrete, strongly non-Gaussian or high-dimensional
    data.
    """
    with must_not_raise(subject, "log_likelihood near its data"):
        same = np.repeat(theta[np.newaxis], len(draws), axis=0)
        here = log_likelihood(same, draws)
        ratio, there = _ratio(log_likelihood, prior, theta, draws, here, seed)
        others = simulate(there)
        others = others[np.isfinite(others).reshape(len(others), -1).all(axis=1)]
        shared = np.isfinite(log_likelihood(same[: len(others)], others)).astype(float)
        _judge(
            np.exp(ratio),
            subject,
            "log_likelihood and simulate disagree: the mean of p(x|θ′)/p(x|θ) is not one",
            shared,
        )
        if (weights := _absolute(log_likelihood, theta, draws, here, seed)) is not None:
            _judge(weights, subject, "log_likelihood is not normalised over x", np.ones(1))


def check_torch_likelihood(
    log_likelihood: LogLikelihood,
    twin: TorchLogLikelihood,
    prior: Prior,
    subject: str,
    theta: Array,
    x: Array,
) -> None:
    """Check that a Torch likelihood has the values of its NumPy twin, and the right gradient.

    Parameters
    ----------
    log_likelihood, twin : callable
        In NumPy and in Torch.
    prior : Prior
    subject : str
        Whose they are, for the error.
    theta, x : ndarray, shapes (n, d) and (n, *shape)

    Raises
    ------
    ContractError
        If values differ by more than 1e-8 relative, or the gradient from central differences by
        more than 1e-4 of its norm.
    """
    import torch

    # Away from the prior's edges, so that the differences stay inside.
    theta = prior.from_unit(0.1 + 0.8 * prior.to_unit(theta))
    value = log_likelihood(theta, x)
    at, data = torch.tensor(theta, requires_grad=True), torch.tensor(x, dtype=torch.float64)
    with must_not_raise(subject, "log_likelihood_torch"):
        other = twin(at, data)
        shared = twin(at, data[0])
        (gradient,) = torch.autograd.grad(other.sum(), at)
    require(
        other.dtype == torch.float64 and other.shape == value.shape,
        subject,
        "log_likelihood_torch has the wrong shape or type",
        got=f"{tuple(other.shape)}, {other.dtype}",
        expected=f"{value.shape}, torch.float64",
    )
    require(
        _close(value, other.detach().numpy(), 1e-8)
        and _close(log_likelihood(theta, x[0]), shared.detach().numpy(), 1e-8),
        subject,
        "log_likelihood_torch differs from log_likelihood",
    )
    differences = np.empty_like(theta)
    width = np.diff(prior.from_unit(np.outer([0.25, 0.75], np.ones(prior.dim))), axis=0)[0]
    for k, step in enumerate(1e-5 * width * np.eye(prior.dim)):
        rise = log_likelihood(theta + step, x) - log_likelihood(theta - step, x)
        differences[:, k] = rise / (2 * step[k])
    possible = np.isfinite(value)
    differences = differences[possible]
    error = np.linalg.norm((gradient.numpy()[possible] - differences) * width, axis=1)
    size = np.linalg.norm(differences * width, axis=1) + 1.0
    require(
        np.all(error < 1e-4 * size),
        subject,
        "the gradient of log_likelihood_torch is wrong",
        got=f"relative error {np.max(error / size):.1e} from central differences",
    )


def _ratio(
    log_likelihood: LogLikelihood,
    prior: Prior,
    theta: Array,
    draws: Array,
    here: Array,
    seed: int,
) -> tuple[Array, Array]:
    """log p(x|θ′)/p(x|θ) at the draws, and θ′: so near that it varies by at most 0.5.

    It is −inf at draws that θ′ cannot give, which may be one in ten.
    """
    u = prior.to_unit(theta[np.newaxis])
    # Towards a random point of the cube: the path stays inside the prior.
    way = stream(seed, "check direction").random(u.shape) - u
    step = 0.5
    while True:
        there = np.repeat(prior.from_unit(u + step * way), len(draws), axis=0)
        ratio = log_likelihood(there, draws) - here
        finite = np.isfinite(ratio)
        if step < 1e-12 or (finite.mean() > 0.9 and ratio[finite].std() < 0.5):
            return ratio, there
        step /= 2


def _absolute(
    log_likelihood: LogLikelihood, theta: Array, draws: Array, here: Array, seed: int
) -> Array | None:
    """p(x|θ)/q(x) at draws of the fitted Gaussian q; None where p and q do not overlap well."""
    flat = draws.reshape(len(draws), -1)
    n, dim = flat.shape
    fit, rest = flat[: n // 2], slice(n // 2, None)
    if 20 * dim > n or np.all(flat == np.round(flat)) or np.any(np.ptp(fit, axis=0) == 0):
        return None
    mean, covariance = fit.mean(axis=0), np.atleast_2d(np.cov(fit.T))
    if np.linalg.cond(covariance / np.outer(fit.std(axis=0), fit.std(axis=0))) > 1e12:
        return None
    cholesky = np.linalg.cholesky(covariance)
    constant = -np.sum(np.log(np.diag(cholesky))) - 0.5 * dim * np.log(2 * np.pi)

    z = stream(seed, "check normalisation").standard_normal((n, dim))
    log_q = constant - 0.5 * np.sum(z**2, axis=1)
    y = (mean + z @ cholesky.T).reshape(draws.shape)
    log_p = log_likelihood(np.repeat(theta[np.newaxis], n, axis=0), y)
    residual = np.linalg.solve(cholesky, (flat[rest] - mean).T)
    log_q_at_draws = constant - 0.5 * np.sum(residual**2, axis=0)
    overlap = min(_efficiency(log_p - log_q), _efficiency(log_q_at_draws - here[rest]))
    return np.exp(log_p - log_q) if overlap > 0.3 else None


def _efficiency(log_weight: Array) -> float:
    """Effective sample size over sample size of importance weights."""
    if np.all(np.isneginf(log_weight)):
        return 0.0
    weight = np.exp(log_weight - log_weight.max())
    return float(weight.sum() ** 2 / np.sum(weight**2) / len(weight))


def _judge(weight: Array, subject: str, clause: str, shared: Array) -> None:
    """The mean of `weight` is that of `shared`, which is one where no edge moves with θ."""
    mean, variance = weight.mean(), weight.var(ddof=1) / len(weight)
    share = shared.mean()
    # One more beyond the edge is possible however many were seen: the rule of succession.
    if len(shared) > 1 and share < 1:
        variance += (1 - share) / len(shared)
    error = np.sqrt(variance)
    require(
        abs(mean - share) <= _STANDARD_ERRORS * error + 1e-6,
        subject,
        clause,
        got=f"{mean:.4f} ± {error:.4f}",
        expected="1" if share == 1 else f"{share:.4f}, the share of data that both can give",
    )


def _close(a: Array, b: Array, tolerance: float = 1e-10) -> bool:
    return np.allclose(a, b, rtol=tolerance, atol=tolerance)
