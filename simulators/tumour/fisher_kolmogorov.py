"""A growing brain tumour, seen once: Fisher–Kolmogorov growth on the ICBM152 tissue maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sbiwb.core.distinct import at_distinct
from sbiwb.core.distributions import Array, Distribution, Uniform
from sbiwb.core.grid_density import GridDensity
from sbiwb.core.observation import Observation
from sbiwb.core.prior import Parameter, Prior
from sbiwb.core.simulator import Output, Simulator
from sbiwb.core.views import View
from sbiwb.errors import UsageError, did_you_mean
from sbiwb.rng import stream

from .anatomy import SOURCE, Anatomy, brain
from .growth import Growth
from .images import CHANNELS, OUTLINES, Images
from .summaries import Summaries
from .views import views

BATCH = 64
"""Tumours whose images are made at once: more would not be faster and would need more memory."""
RATIOS = (
    Parameter("mu1", Uniform(0.1, 4.7), unit="cm", label=r"\mu_1"),
    Parameter("mu2", Uniform(0.3, 17.0), label=r"\mu_2"),
)
RATES = (
    Parameter("D", Uniform(2e-4, 0.015), unit="cm^2/d"),
    Parameter("rho", Uniform(0.002, 0.2), unit="1/d", label=r"\rho"),
    Parameter("T", Uniform(50.0, 1500.0), unit="d"),
)
THRESHOLDS: dict[str, tuple[str, Distribution]] = {
    "t1gd": (r"\tau_\mathrm{T1Gd}", Uniform(0.5, 0.85)),
    "flair": (r"\tau_\mathrm{FLAIR}", Uniform(0.05, 0.5)),
}
"""Ranges of Lipková et al. (2019)."""
TRUTH = {"mu1": 0.9, "mu2": 2.6, "x": 2.9, "y": -2.1, "z": 2.2, "T": 300.0}
"""Where the synthetic examination was simulated; the thresholds are those of `OUTLINES`."""
SEED = 1


class FisherKolmogorov(Simulator):
    """Images of a tumour that grew by ∂c/∂t = ∇·(D∇c) + ρ c (1 − c) for a time T.

    D is that of white matter, a tenth of it in grey matter and none outside; nothing flows through
    the boundary.  x holds images on the brain's voxels, or a few numbers that summarise them.

    Parameters
    ----------
    dimensions : int
        2 for an axial slice, 3 for the whole brain (slower, ``costly``).
    spacing_mm : int
        4 or 2.
    slice_mm : float, optional
        Height of the slice above the anterior commissure; 20 by default.  Only for a slice.
    channels : sequence of str
        Some of ``t1gd``, ``flair`` (outlines, 0 or 1) and ``pet`` (uptake); see `images`.
    pet_noise : float
        Noise of PET, in units of the uptake at c = 1.
    output : str
        ``images``: x has shape (channels, voxels of tissue), and the likelihood is exact.
        ``summary``: x has the numbers of `summaries`, for methods that learn.
    parameters : str
        ``ratios``: μ1 = √(D T) and μ2 = √(ρ T), all that one examination can tell.
        ``rates``: D, ρ and T.
    infer_thresholds : bool
        Whether the outlines' thresholds are parameters too; else 0.6 (T1Gd) and 0.2 (FLAIR).
    steps : int, optional
        Explicit steps of a solve; by default as many as each tumour needs.

    Raises
    ------
    UsageError
        If an option is not valid, or `steps` is unstable somewhere in the prior.

    Notes
    -----
    The origin's prior is the brain: its density is constant where all surrounding voxels are tissue
    and falls linearly to zero from the last voxel of tissue to the next without.

    A front is λ = μ1/μ2 wide and moves by about 2 μ1 μ2.  A grid resolves it where λ is no less
    than the spacing; a narrower front runs too fast on it, by a tenth at λ = 0.6 spacings.

    References
    ----------
    Lipková et al. (2019), Personalized radiotherapy design for glioblastoma, arXiv:1807.00499.
    Menze et al. (2011), A generative approach for image-based modeling of tumor growth.
    """

    name = "tumour.fisher_kolmogorov"
    version = "1"
    observation_names = ("synthetic",)

    def __init__(
        self,
        dimensions: int = 2,
        spacing_mm: int = 4,
        slice_mm: float | None = None,
        channels: Sequence[str] = CHANNELS,
        pet_noise: float = 0.1,
        output: str = "images",
        parameters: str = "ratios",
        infer_thresholds: bool = False,
        steps: int | None = None,
    ) -> None:
        if dimensions not in (2, 3):
            raise UsageError("bad dimensions", got=dimensions, expected="2 (a slice) or 3")
        if dimensions == 3 and slice_mm is not None:
            raise UsageError("slice_mm applies to dimensions=2", got=f"slice_mm={slice_mm}")
        if dimensions == 2:
            slice_mm = 20.0 if slice_mm is None else float(slice_mm)
        _check_one("output", output, ("images", "summary"))
        _check_one("parameters", parameters, ("ratios", "rates"))
        if isinstance(channels, str) or not channels or len(set(channels)) != len(channels):
            raise UsageError("bad channels", got=channels, expected="a list of different names")
        for channel in channels:
            _check_one("channel", channel, CHANNELS)
        if not 0 < pet_noise < np.inf:
            raise UsageError("bad pet_noise", got=pet_noise, expected="a positive number")
        self.options: dict[str, Any] = {
            "dimensions": dimensions,
            "spacing_mm": spacing_mm,
            "slice_mm": slice_mm,
            "channels": list(channels),
            "pet_noise": pet_noise,
            "output": output,
            "parameters": parameters,
            "infer_thresholds": infer_thresholds,
            "steps": steps,
        }
        self.costly = dimensions == 3
        self.anatomy: Anatomy = brain(spacing_mm, slice_mm)
        self.growth = Growth(self.anatomy)
        self.images = Images(tuple(channels), self.anatomy.tissue, pet_noise)
        self._steps = steps
        self._rates = parameters == "rates"
        self._inferred = self.images.outlines if infer_thresholds else ()
        self.prior = _prior(self.anatomy, self._rates, self._inferred)
        if steps is not None:
            low_high = np.array([p.distribution.support for p in self.prior.parameters])
            self.growth.check_steps(steps, float(self.ratios(low_high.T)[1, 0]))
        voxels = int(self.anatomy.tissue.sum())
        self._summaries: Summaries | None = None
        if output == "summary":
            self._summaries = Summaries(self.anatomy, tuple(channels))
            names = self._summaries.names
            self.output = Output((len(names),), label="s", names=names)
        else:
            self.output = Output((len(channels), voxels), rows=tuple(channels))
            # Images have a likelihood and a mean, their summaries do not.
            self.log_likelihood = self._log_likelihood
            self.mean = self._mean

    def ratios(self, theta: Array) -> Array:
        """μ1 and μ2 of each row of theta; shape (n, 2)."""
        if self._rates:
            return np.sqrt(theta[:, :2] * theta[:, 2:3])
        return theta[:, :2]

    def cells(self, theta: Array) -> Array:
        """Cell density c on the voxels of tissue for each row of theta; shape (n, voxels)."""
        first = 3 if self._rates else 2
        place = theta[:, first : first + self.anatomy.tissue.ndim]
        # The thresholds do not change the cells.
        return at_distinct(self._solve, np.concatenate([self.ratios(theta), place], axis=1))

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        theta = np.asarray(theta, dtype=np.float64)
        x = np.empty((len(theta), *self.output.shape))
        for start in range(0, len(theta), BATCH):
            rows = slice(start, start + BATCH)
            drawn = self.images.draw(self._mean(theta[rows]), rng)
            x[rows] = drawn if self._summaries is None else self._summaries(drawn)
        return x

    def views(self, theta: Array, x: Array) -> list[View]:
        """Outlines over the anatomy; see `views`."""
        return views(self, np.asarray(theta, dtype=np.float64), x)

    def summarise(self, x: Array) -> Array:
        """Summaries of images (n, channels, voxels of tissue); shape (n, numbers)."""
        return (self._summaries or Summaries(self.anatomy, self.images.channels))(x)

    def observation(self, name: str) -> Observation:
        """The synthetic examination, made at `TRUTH`."""
        theta = np.array([self.truth()])
        drawn = self.images.draw(self._mean(theta), stream(SEED, "synthetic examination"))
        x = drawn[0] if self._summaries is None else self._summaries(drawn)[0]
        values = zip(self.prior.names, theta[0], strict=True)
        place = ", ".join(f"{name} = {value:.4g}" for name, value in values)
        return Observation(x, name=name, source=f"simulated at {place}; {SOURCE}")

    def truth(self) -> list[float]:
        """Parameters of the synthetic examination."""
        values = dict(TRUTH)
        values["D"] = TRUTH["mu1"] ** 2 / TRUTH["T"]
        values["rho"] = TRUTH["mu2"] ** 2 / TRUTH["T"]
        values |= {f"tau_{channel}": threshold for channel, threshold in OUTLINES.items()}
        return [values[name] for name in self.prior.names]

    def _mean(self, theta: Array) -> Array:
        """Expected images; shape (n, channels, voxels of tissue)."""
        return self.images.mean(self.cells(theta), self.thresholds(theta))

    def _log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised over x, for images x; shape (n,)."""
        theta = np.asarray(theta, dtype=np.float64)
        x = np.broadcast_to(x, (len(theta), *self.output.shape))
        parts = [slice(k, k + BATCH) for k in range(0, len(theta), BATCH)]
        values = [
            self.images.log_likelihood(self.cells(theta[p]), self.thresholds(theta[p]), x[p])
            for p in parts
        ]
        return np.concatenate(values) if values else np.zeros(0)

    def _solve(self, theta: Array) -> Array:
        field = self.growth.solve(theta[:, 0], theta[:, 1], theta[:, 2:], self._steps)
        return self.images.cut(field)

    def thresholds(self, theta: Array) -> Array:
        """Thresholds of the outlines; shape (n, outlines)."""
        if self._inferred:
            return theta[:, -len(self._inferred) :]
        fixed = [OUTLINES[channel] for channel in self.images.outlines]
        return np.broadcast_to(np.array(fixed), (len(theta), len(fixed)))


def _prior(anatomy: Anatomy, rates: bool, inferred: tuple[str, ...]) -> Prior:
    names = ("x", "y", "z")[: anatomy.tissue.ndim]
    start = tuple(float(axis[0]) for axis in anatomy.axes)
    origin = GridDensity(
        names, start, (anatomy.spacing,) * len(names), anatomy.tissue.astype(np.float64)
    )
    places = [
        Parameter(name, distribution, unit="cm", label=f"{name}_0")
        for name, distribution in zip(names, origin.distributions, strict=True)
    ]
    thresholds = [
        Parameter(f"tau_{channel}", THRESHOLDS[channel][1], label=THRESHOLDS[channel][0])
        for channel in inferred
    ]
    return Prior((*(RATES if rates else RATIOS), *places, *thresholds), joint=origin)


def _check_one(what: str, value: object, valid: Sequence[str]) -> None:
    if value not in valid:
        raise UsageError(
            f"bad {what}",
            got=repr(value),
            expected=f"one of {', '.join(valid)}",
            remedy=did_you_mean(str(value), valid),
        )
