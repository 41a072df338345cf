"""Chains of Pyro's No-U-Turn Sampler in coordinates in which the posterior is round."""

from __future__ import annotations

from typing import Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.rng import global_streams
from sbiwb.samplers._evaluations import Evaluations

NARROWEST = 1e-4
"""Smallest variance, as a share of that of uncorrelated parameters, that a direction may have."""


class Surface:
    """Log posterior of the k-th posterior in coordinates w, with its gradient.

    z = centre + matrix w are the prior's unconstrained coordinates, in which the prior is a
    standard normal, so that no trajectory leaves it and no Jacobian is needed.

    Parameters
    ----------
    evaluations : Evaluations
    which : int
        Number of the posterior.
    centre : ndarray, shape (d,)
    matrix : ndarray, shape (d, d)
    """

    def __init__(self, evaluations: Evaluations, which: int, centre: Array, matrix: Array) -> None:
        self.evaluations, self.which = evaluations, which
        self.centre, self.matrix = centre, matrix

    @property
    def calls(self) -> int:
        """Likelihood calls so far."""
        return int(self.evaluations.calls[self.which])

    def z(self, w: Array) -> Array:
        """Unconstrained coordinates of w (…, d)."""
        return np.asarray(self.centre + w @ self.matrix.T)

    def theta(self, w: Array) -> Array:
        """Parameters at rows of w (n, d)."""
        return self.evaluations.target.prior.from_unconstrained(self.z(w))

    def log_prob(self, w: Array) -> tuple[float, Array]:
        """Log posterior with respect to w at one point (d,), up to a constant, and gradient (d,).

        −inf and zero where a diverging trajectory has no place any more.
        """
        z = self.z(w)
        if not np.all(np.isfinite(z)):
            return -np.inf, np.zeros_like(w)
        value, slope = self.evaluations.gradient(w[np.newaxis], self.which, self.theta)
        if np.isneginf(value[0]):
            return -np.inf, np.zeros_like(w)
        return float(value[0] - 0.5 * z @ z), slope[0] - z @ self.matrix


def rounding(z: Array) -> tuple[Array, Array]:
    """Centre (d,) and matrix (d, d) of coordinates in which points z (n, d) are round."""
    sd = np.maximum(z.std(axis=0), np.finfo(float).tiny)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.corrcoef(z / sd, rowvar=False)))
    return z.mean(axis=0), sd[:, np.newaxis] * vectors * np.sqrt(np.maximum(values, NARROWEST))


class Chain:
    """One Markov chain of Pyro's NUTS with step size and dense mass matrix adapted in warm-up.

    Parameters
    ----------
    surface : Surface
    start : ndarray, shape (d,)
        In w.
    warmup : int
        Steps of adaptation, the first ones.
    settings : mapping
        Arguments of `pyro.infer.mcmc.NUTS`.
    seed, *key
        Of its random stream.
    """

    def __init__(
        self,
        surface: Surface,
        start: Array,
        warmup: int,
        settings: dict[str, Any],
        seed: int,
        *key: str | int,
    ) -> None:
        import torch
        from pyro.infer.mcmc.nuts import NUTS

        def potential(place: dict[str, torch.Tensor]) -> torch.Tensor:
            w = place["w"]
            value, slope = surface.log_prob(w.detach().numpy())
            # The second term is zero and brings the gradient.
            return -value - torch.from_numpy(slope) @ (w - w.detach())

        self.surface, self.seed, self.key, self.stretches = surface, seed, key, 0
        self._kernel = NUTS(potential_fn=potential, full_mass=True, **settings)
        self._place = {"w": torch.tensor(start)}
        self._kernel.initial_params = self._place
        with global_streams(seed, *key, "setup"):
            self._kernel.setup(warmup)

    def run(self, steps: int, max_calls: int) -> Array:
        """Go `steps` further, or fewer if likelihood calls reach a limit; shape (steps, d)."""
        import pyro

        visited: list[Array] = []
        # Checks of the arguments of coin tosses would take a fifth of the time.
        quickly = pyro.validation_enabled(False)
        with global_streams(self.seed, *self.key, self.stretches), quickly:
            while len(visited) < steps and self.surface.calls < max_calls:
                self._place = self._kernel.sample(self._place)
                visited.append(self._place["w"].numpy().copy())
        self.stretches += 1
        return np.array(visited).reshape(len(visited), len(self.surface.centre))

    def diagnostics(self) -> dict[str, float]:
        """Divergences after warm-up, share of proposals accepted and step size."""
        told = self._kernel.diagnostics()
        return {
            "divergences": float(len(told["divergences"])),
            "acceptance": float(told["acceptance rate"]),
            "step_size": float(self._kernel.step_size),
        }
