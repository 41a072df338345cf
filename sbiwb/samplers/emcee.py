"""Affine-invariant ensembles: emcee, for one posterior or hundreds at once."""

from __future__ import annotations

from collections.abc import Sequence

from sbiwb.core.draws import Draws
from sbiwb.progress import Progress
from sbiwb.samplers._moves import mixture
from sbiwb.samplers._walking import EnsembleOptions, walk
from sbiwb.samplers.base import Sampler, Target


class EmceeOptions(EnsembleOptions):
    """Options of emcee: those of any walk of ensembles."""


class Emcee(Sampler[EmceeOptions]):
    """Ensemble sampling with emcee (Foreman-Mackey et al. 2013, arXiv:1202.3665).

    Walkers move by differential evolution and stretches, see `sbiwb.samplers._moves`; when a walk
    ends, what its chains are, and its `stats`: see `sbiwb.samplers._walking.walk`.
    """

    options_type = EmceeOptions
    batched = True

    def sample(
        self, target: Target, options: EmceeOptions, seed: int, progress: Progress
    ) -> Sequence[Draws]:
        return walk("emcee", mixture, target, options, seed, progress)
