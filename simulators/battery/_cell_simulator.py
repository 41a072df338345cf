"""What the models of a cell have in common: options, prior, simulation and likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sbiwb.core.distinct import at_distinct
from sbiwb.core.distributions import Array
from sbiwb.core.observation import Observation
from sbiwb.core.prior import Prior
from sbiwb.core.simulator import Output, Simulator
from sbiwb.core.views import View
from sbiwb.errors import UsageError

from ._pybamm import pybamm
from .cell import MARGIN, Cell
from .inputs import as_option, read_inputs
from .measured import measured
from .noise import read_noise
from .protocols import Protocol, numbers_of, read_protocol, read_times
from .views import views

# The P2D benchmark of Hassanaly et al. (2023), arXiv:2312.17336.
_PROTOCOL = {"type": "constant_current", "c_rate": 2.0}
_TIMES = {"first": 10.0, "last": 1350.0, "number": 100}


class CellSimulator(Simulator):
    """Voltage readings of a lithium-ion cell under a known current.

    x holds the readings (k,); for a test that ends at a cut-off voltage, the readings and a mask
    that is 1 while the test runs and 0 after it (2, k), with the readings held at the cut-off.

    Parameters
    ----------
    parameters : mapping or sequence of str, optional
        What is inferred: ready short names (see `inputs.READY`) or any of PyBaMM's, each with its
        range ``[low, high]``; see `inputs.read_inputs`.  By default the exchange current of the
        negative and the diffusivity of the positive electrode, as factors.
    protocol : mapping, optional
        What current is drawn; see `protocols.read_protocol`.  By default 2C.
    times : mapping or sequence of float, optional
        When the voltage is read, in s.  By default 100 times in 10–1350 s.
    cutoff : float or ``"rated"``, optional
        Voltage at which the test ends, in V, or that of the parameter set; by default it runs on.
    noise : float or (float, float), optional
        Standard deviation of the readings' noise in V; a range makes it a parameter, ``sigma``.
    discrepancy : mapping, optional
        Ranges ``amplitude`` (V) and ``length`` (s) of a Gaussian process for what the model gets
        wrong, which adds the parameters ``delta`` and ``length``; see `noise`.
    data : str, optional
        A measured curve of `measured.CURVES`, which brings its own current, times and cut-off.
    parameter_set : str, optional
        Of PyBaMM.
    soc : float, optional
        State of charge at the start; by default the parameter set's concentrations.
    physics : mapping of str to str, optional
        Options of PyBaMM's model, for example ``{"thermal": "lumped"}``.

    Raises
    ------
    UsageError
        If an option is wrong, or PyBaMM cannot vary a parameter.
    DataError
        If a file of the protocol cannot be used.

    Notes
    -----
    Below the cut-off the model is solved on, by half a volt at most; a cell that is empty there
    stays at that voltage, in every reading that follows.  A solve that fails is a row of NaN.
    """

    costly = True
    version = f"2 (PyBaMM {pybamm.__version__})"
    model: str

    def __init__(
        self,
        parameters: Mapping[str, Any] | Sequence[str] = ("j0_n", "D_p"),
        protocol: Mapping[str, Any] | None = None,
        times: Mapping[str, Any] | Sequence[float] | None = None,
        cutoff: float | str | None = None,
        noise: float | Sequence[float] = 0.003,
        discrepancy: Mapping[str, Any] | None = None,
        data: str | None = None,
        parameter_set: str = "Chen2020",
        soc: float | None = None,
        physics: Mapping[str, str] | None = None,
    ) -> None:
        inputs = read_inputs(parameters)
        self._curve = None if data is None else measured(data)
        if self._curve is None:
            done = read_protocol(_PROTOCOL if protocol is None else protocol)
            self.times = read_times(_TIMES if times is None else times)
            own: dict[str, Any] = {"protocol": done.option, "times": self.times.tolist()}
        else:
            if protocol is not None or times is not None:
                raise UsageError(
                    "measured data bring their own protocol and times",
                    got=f"data='{data}' with protocol= or times=",
                    remedy="leave these out",
                )
            done = Protocol(np.zeros(1), np.array([self._curve.current]), True, {})
            self.times, own = self._curve.time, {"data": data}
            cutoff = self._curve.cutoff if cutoff is None else cutoff
        soc = None if soc is None else _within("soc", soc, 0.0, 1.0)
        physics = {} if physics is None else dict(physics)
        self.cell = Cell(self.model, parameter_set, inputs, done, self.times, physics, soc)
        self.cutoff = _cutoff(cutoff, self.cell.limits)
        self._noise, said = read_noise(self.times, self.cutoff, noise, discrepancy)
        self.prior = Prior((*(i.parameter for i in inputs), *self._noise.parameters))
        self.output = _output(self.times, self.cutoff)
        self.options = {
            "parameters": as_option(inputs),
            **own,
            "cutoff": self.cutoff,
            **said,
            "parameter_set": parameter_set,
            "soc": soc,
            "physics": physics,
        }
        if self.cutoff is None:
            # Where the test may end, E[x] is not the model's voltage.
            self.mean = self.voltage

    def voltage(self, theta: Array) -> Array:
        """Predicted voltage for each row of theta (n, d), beyond any cut-off too; shape (n, k)."""
        values = theta[:, : self._split]
        voltage: Array = at_distinct(self.cell.voltages, values)
        failed = np.flatnonzero(np.isnan(voltage[:, 0])).tolist()
        self.reasons = {row: self.cell.reasons[tuple(values[row].tolist())] for row in failed}
        return voltage

    def simulate(self, theta: Array, rng: np.random.Generator) -> Array:
        return self._noise.draw(self.voltage(theta), theta[:, self._split :], rng)

    def log_likelihood(self, theta: Array, x: Array) -> Array:
        """log p(x_i | theta_i), normalised, for theta (n, d) and x (n, …) or (…); shape (n,).

        NaN where PyBaMM cannot solve the model.
        """
        return self._noise.log_likelihood(self.voltage(theta), theta[:, self._split :], x)

    def views(self, theta: Array, x: Array) -> list[View]:
        """Voltage against time, and predictions less the readings; see `views`."""
        return views(self, np.asarray(theta, dtype=np.float64), x)

    def default_observation(self) -> Observation | None:
        """The measured curve, for simulators made with `data`."""
        curve = self._curve
        if curve is None:
            return None
        x = curve.x if self.cutoff is not None else curve.voltage
        return Observation(x, name=curve.name, source=curve.source)

    @property
    def _split(self) -> int:
        """Number of parameters of the cell; those of the noise follow."""
        return len(self.cell.inputs)


def _cutoff(option: float | str | None, limits: tuple[float, float]) -> float | None:
    if option is None or option == "rated":
        return None if option is None else limits[0]
    return _within("cutoff", option, limits[0] - 0.5 * MARGIN, limits[1])


def _within(what: str, value: object, low: float, high: float) -> float:
    if isinstance(value, str) or len(numbers_of(what, value)) != 1:
        raise UsageError(f"bad {what}", got=repr(value), expected="a number")
    number = float(numbers_of(what, value)[0])
    if not low <= number <= high:
        raise UsageError(f"bad {what}", got=number, expected=f"a number in [{low:g}, {high:g}]")
    return number


def _output(times: Array, cutoff: float | None) -> Output:
    if cutoff is None:
        names = tuple(f"V({t:g} s)" for t in times)
        return Output((len(times),), unit="V", label="V", names=names)
    names = tuple(f"at {t:g} s" for t in times)
    return Output((2, len(times)), unit="V", label="V", names=names, rows=("voltage", "mask"))
