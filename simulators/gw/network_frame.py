"""Position of a source relative to two detectors, and its time at the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import lal
import numpy as np

from sbiwb.core.distributions import Array, Sine, Uniform
from sbiwb.core.prior import Parameter, Prior
from sbiwb.errors import UsageError, unknown_name

from .detectors import Network
from .priors import binary_prior, within


class NetworkFrame:
    """Spherical coordinates about the line between a network's first two detectors.

    What two detectors measure best is the time of arrival at each.  Their delay gives the angle
    between the source and the line from the second to the first, the zenith; the azimuth about it
    and the arrival at the first detector are then nearly independent of it, while right
    ascension, declination and time at the Earth's centre are bound to each other.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    axes : ndarray, shape (3, 3)
        Unit vectors, the last along the line, in coordinates that turn with the Earth.

    Notes
    -----
    As bilby's ``reference_frame="H1L1"`` (Romero-Shaw et al. 2020, arXiv:2006.00714, appendix E),
    but for where the azimuth starts.  Directions are those at the trigger: a tenth of a second
    later the Earth has turned by 7 microradians.
    """

    def __init__(self, network: Network) -> None:
        line = network.places[0] - network.places[1]
        pole = line / np.linalg.norm(line)
        first = np.cross(pole, [0.0, 0.0, 1.0])
        first /= np.linalg.norm(first)
        self.axes = np.stack([first, np.cross(pole, first), pole])
        self._first = network.places[0] / lal.C_SI
        self._sidereal_time = network.sidereal_time

    def to_equatorial(
        self, arrival: Array, zenith: Array, azimuth: Array
    ) -> tuple[Array, Array, Array]:
        """Time at the Earth's centre in seconds after the trigger, right ascension, declination.

        Parameters
        ----------
        arrival : ndarray, shape (n,)
            At the first detector, in seconds after the trigger.
        zenith, azimuth : ndarray, shape (n,)
            In radians.
        """
        sine = np.sin(zenith)
        towards = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), np.cos(zenith)])
        x, y, z = self.axes.T @ towards
        time = arrival + self._first @ np.stack([x, y, z])
        ra = (np.arctan2(y, x) + self._sidereal_time) % (2 * np.pi)
        return time, ra, np.arcsin(z.clip(-1, 1))

    def from_equatorial(self, time: Array, ra: Array, dec: Array) -> tuple[Array, Array, Array]:
        """Inverse of `to_equatorial`: arrival, zenith and azimuth."""
        hour = ra - self._sidereal_time
        towards = np.stack([np.cos(hour) * np.cos(dec), np.sin(hour) * np.cos(dec), np.sin(dec)])
        x, y, z = self.axes @ towards
        arrival = time - self._first @ towards
        return arrival, np.arccos(z.clip(-1, 1)), np.arctan2(y, x) % (2 * np.pi)


def network_prior(first: str, ranges: Mapping[str, Sequence[float]]) -> Prior:
    """Prior of a binary in this frame with its phase left out.

    Parameters
    ----------
    first : str
        Name of the first detector.
    ranges : mapping of str to (float, float)
        Prior ranges to change.

    Raises
    ------
    UsageError
        If a name is unknown, or a range is not one.

    Notes
    -----
    Chirp mass, mass ratio, spins, distance and inclination as in `priors`.  Polarisation in
    [0, π/2): a quarter of a turn more is a change of the signal's sign, and so of the phase.
    """
    arrival = Parameter(f"t_{first}", Uniform(-0.1, 0.1), "s", rf"t_\mathrm{{{first}}}")
    own = (
        arrival,
        Parameter("zenith", Sine(), "rad", r"\kappa"),
        Parameter("azimuth", Uniform(0.0, 2 * np.pi), "rad", r"\epsilon", periodic=True),
    )
    shared = ("chirp_mass", "mass_ratio", "chi_1", "chi_2", "luminosity_distance", "theta_jn")
    names = [*shared, "psi", *(parameter.name for parameter in own)]
    for name, ends in ranges.items():
        if name not in names:
            raise unknown_name("parameter in ranges", name, names)
        if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
            raise UsageError(f"bad range of {name}", got=repr(ends), expected="[low, high]")
    binary = binary_prior({name: ends for name, ends in ranges.items() if name in shared})
    kept = {parameter.name: parameter for parameter in binary.parameters}
    psi = replace(kept["psi"], distribution=Uniform(0.0, np.pi / 2))
    return Prior(
        (
            *(kept[name] for name in shared),
            within(psi, ranges.get("psi")),
            *(within(parameter, ranges.get(parameter.name)) for parameter in own),
        )
    )
