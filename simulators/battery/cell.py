"""A cell: a model of PyBaMM, built once and solved again for every parameter vector."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import UsageError, did_you_mean, unknown_name

from ._pybamm import pybamm
from .inputs import Input
from .protocols import Protocol

VOLTAGE = "Voltage [V]"
LOWER, UPPER = "Lower voltage cut-off [V]", "Upper voltage cut-off [V]"
MARGIN = 0.5
"""Volts beyond the cell's own limits to which the model is solved: there the likelihood of a
reading still changes smoothly with the parameters, and no reading of a running test can lie so low.
"""
RTOL, ATOL = 1e-5, 1e-6
"""Tolerances of IDA.  Voltages of the DFN at 2C differ from those at 1e-9 by less than 0.02 mV."""
STALLED_STEPS, STALLED_SHARE = 500, 1e-3
"""A solve that takes so many steps for this share of the protocol (a discharge takes some hundred
for all of it) ends in an error: it would hang otherwise, in the process that evaluates likelihoods.
"""
NO_EFFECT = 1e-8
"""Volts: parameters that change no voltage by more have no effect but rounding."""


class Cell:
    """A built model, and the voltages it predicts.

    Parameters
    ----------
    model : str
        ``"SPM"``, ``"SPMe"`` or ``"DFN"``.
    parameter_set : str
        Of PyBaMM, for example ``"Chen2020"``.
    inputs : sequence of Input
        What varies from solve to solve, in the order of the columns.
    protocol : Protocol
    times : ndarray, shape (k,)
        When the voltage is read, in s.
    physics : mapping of str to str
        PyBaMM's options of the model, for example ``{"thermal": "lumped"}``.
    soc : float, optional
        State of charge at the start, of the cell with the parameter set's own values; by default
        the parameter set's initial concentrations.

    Raises
    ------
    UsageError
        If a name is unknown to PyBaMM, a parameter cannot vary or has no effect, or the cell with
        all parameters in the middle of their ranges cannot be solved.
    """

    def __init__(
        self,
        model: str,
        parameter_set: str,
        inputs: Sequence[Input],
        protocol: Protocol,
        times: Array,
        physics: Mapping[str, str],
        soc: float | None = None,
    ) -> None:
        self.model, self.inputs, self.times = model, tuple(inputs), times
        self.reasons: dict[tuple[float, ...], str] = {}
        values = _parameter_values(parameter_set)
        self.limits = float(values[LOWER]), float(values[UPPER])
        self.capacity = float(values["Nominal cell capacity [A.h]"])
        current = protocol.amperes(self.capacity)
        self._drawn = bool(np.sum(current) >= 0)
        self._knots = np.unique([0.0, *protocol.time[protocol.time < times[-1]], times[-1]])
        with _quiet():
            if soc is not None:
                values.set_initial_state(soc)
            values[LOWER], values[UPPER] = self.limits[0] - MARGIN, self.limits[1] + MARGIN
            values["Current function [A]"] = (
                float(current[0])
                if protocol.constant
                else pybamm.Interpolant(*_extended(protocol.time, current, times[-1]), pybamm.t)
            )
            for each in self.inputs:
                _set_input(values, each, parameter_set)
            if any(each.pybamm == "Contact resistance [Ohm]" for each in inputs):
                physics = {"contact resistance": "true", **physics}
            self._build(getattr(pybamm.lithium_ion, model), dict(physics), values)
        self._try()

    @property
    def empty(self) -> float:
        """Voltage of a cell that has nothing left to give, or, charged, to take."""
        return self.limits[0] - MARGIN if self._drawn else self.limits[1] + MARGIN

    def voltages(self, values: Array) -> Array:
        """Voltage at every time, for each row of the inputs' values (n, p); shape (n, k).

        After the end of a cell (`MARGIN` beyond its limits) it stays at `empty`.  A row that PyBaMM
        cannot solve is NaN, and `reasons` says why: its values → text, for the latest call.
        """
        self.reasons = {}
        voltage = np.full((len(values), len(self.times)), np.nan)
        with _quiet():
            for row, point in enumerate(values):
                try:
                    voltage[row] = self._solve(point)
                except (pybamm.SolverError, ArithmeticError) as error:
                    self.reasons[tuple(point.tolist())] = _one_line(error)
        for row in np.flatnonzero(~np.isfinite(voltage).all(axis=1)):
            voltage[row] = np.nan
            self.reasons.setdefault(tuple(values[row].tolist()), "a voltage is not finite")
        return voltage

    def _solve(self, point: Array) -> Array:
        inputs = {each.name: float(v) for each, v in zip(self.inputs, point, strict=True)}
        # The solver itself rather than `Simulation.solve`, which also reports usage.
        solution = self._solver.solve(self._built, self._knots, t_interp=self.times, inputs=inputs)
        time, voltage = solution.t, solution[VOLTAGE].entries
        # Every time asked for is a node of `time`: nothing is interpolated but what was solved.
        read = np.interp(self.times, time, voltage)
        if solution.termination != "final time":
            read[self.times > time[-1]] = self.empty
        return read

    def _build(self, kind: Callable[..., Any], physics: dict[str, str], values: Any) -> None:
        try:
            model = kind(options=physics)
        except pybamm.OptionError as error:
            raise UsageError(f"PyBaMM's {self.model} has no such physics", got=error) from error
        self._solver = pybamm.IDAKLUSolver(
            rtol=RTOL,
            atol=ATOL,
            output_variables=[VOLTAGE],
            options={
                "num_steps_no_progress": STALLED_STEPS,
                "t_no_progress": STALLED_SHARE * float(self.times[-1]),
                "silence_sundials_errors": True,
            },
        )
        simulation = pybamm.Simulation(model, parameter_values=values, solver=self._solver)
        try:
            simulation.build()
        except Exception as error:  # PyBaMM raises whatever its expression tree runs into
            self._refuse(error)
        self._built = simulation.built_model

    def _try(self) -> None:
        """Solve in the middle of all ranges, and check that each input makes a difference."""
        middle = np.array([(i.low + i.high) / 2 for i in self.inputs])
        voltage = self.voltages(middle[np.newaxis])[0]
        if self.reasons:
            raise UsageError(
                f"{self.model} cannot be solved with its parameters in the middle of their ranges",
                got=next(iter(self.reasons.values())),
                remedy="check the ranges and the protocol",
            )
        for k, each in enumerate(self.inputs):
            moved = middle.copy()
            moved[k] = (each.low + 3 * each.high) / 4
            other = self.voltages(moved[np.newaxis])[0]
            if np.all(np.abs(other - voltage) < NO_EFFECT):
                raise UsageError(
                    f"'{each.pybamm}' has no effect on the voltage of {self.model}",
                    remedy="leave it out, or take a model that knows it",
                )

    def _refuse(self, error: Exception) -> None:
        """Say which input PyBaMM cannot vary; any other error passes through."""
        fixed = [i.pybamm for i in self.inputs if _shapes_the_mesh(i.pybamm)]
        if not fixed:
            raise UsageError(
                f"PyBaMM cannot build {self.model} with these parameters",
                got=f"{type(error).__name__}: {error}",
            ) from error
        raise UsageError(
            f"PyBaMM {pybamm.__version__} cannot vary '{fixed[0]}': its mesh depends on it",
            expected="parameters of the equations, not of the geometry",
            remedy="leave it out of parameters=",
        ) from error


def _shapes_the_mesh(name: str) -> bool:
    """Whether a parameter is a length that the mesh is made with."""
    return name.endswith(("thickness [m]", "radius [m]"))


def _parameter_values(name: str) -> Any:
    known = list(pybamm.parameter_sets.keys())
    if name not in known:
        raise unknown_name("parameter set of PyBaMM", str(name), known)
    values = pybamm.ParameterValues(name)
    if LOWER not in values:
        raise UsageError(f"the parameter set '{name}' is not one of a cell")
    return values


def _set_input(values: Any, each: Input, parameter_set: str) -> None:
    """Put an input, or an input times the present value, in the place of a parameter."""
    if each.pybamm not in values:
        raise UsageError(
            f"the parameter set {parameter_set} has no such parameter",
            got=f"'{each.pybamm}'",
            remedy=did_you_mean(each.pybamm, values.keys()),
        )
    present = values[each.pybamm]
    if each.multiplies:
        values[each.pybamm] = _times_input(present, each.name)
    elif callable(present) or isinstance(present, pybamm.Symbol):
        raise UsageError(
            f"'{each.pybamm}' is a function in {parameter_set}",
            expected="a factor on it",
            remedy=f"give {{'{each.pybamm}': {{range: [low, high], multiplies: true}}}}",
        )
    else:
        values[each.pybamm] = pybamm.InputParameter(each.name)


def _times_input(present: Any, name: str) -> Any:
    factor = pybamm.InputParameter(name)
    if not callable(present):
        return factor * present

    def scaled(*arguments: Any) -> Any:
        return factor * present(*arguments)

    return scaled


def _extended(time: Array, current: Array, last: float) -> tuple[Array, Array]:
    """The knots, with one more where readings go on after the last."""
    if time[-1] >= last:
        return time, current
    return np.append(time, last), np.append(current, current[-1])


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold PyBaMM's log at errors, and leave its level as it was."""
    logger = logging.getLogger(pybamm.logger.name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
