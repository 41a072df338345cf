"""Ensemble slice sampling: no step size to choose, no proposal refused."""

from __future__ import annotations

from collections.abc import Sequence

from sbiwb.core.draws import Draws
from sbiwb.progress import Progress
from sbiwb.samplers._slices import slices
from sbiwb.samplers._walking import EnsembleOptions, walk
from sbiwb.samplers.base import Sampler, Target


class SliceOptions(EnsembleOptions):
    """Options of slice sampling: those of any walk of ensembles."""


class EnsembleSlice(Sampler[SliceOptions]):
    """Ensemble slice sampling (Karamanis & Beutler 2021, arXiv:2002.06212) as moves of emcee.

    A step takes several likelihood calls a walker, where emcee takes one.  When a walk ends, what
    its chains are, and its `stats`: see `sbiwb.samplers._walking.walk`.
    """

    options_type = SliceOptions
    batched = True

    def sample(
        self, target: Target, options: SliceOptions, seed: int, progress: Progress
    ) -> Sequence[Draws]:
        return walk("slice", slices, target, options, seed, progress)
