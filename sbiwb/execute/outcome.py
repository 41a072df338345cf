"""What came out of a simulator: numbers, or a status with a reason."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.simulations import Status
from sbiwb.core.simulator import Simulator
from sbiwb.rng import global_streams, stream

_REASON_LENGTH = 500


class WrongOutput(Exception):
    """A simulator returned something that is not an array of numbers of the promised shape."""


@dataclass(frozen=True)
class Row:
    """One simulation.

    Parameters
    ----------
    status : Status
    x : ndarray, shape output.shape, optional
        Present only if the status is OK.
    reason : str
        Why it failed; empty if it did not.
    """

    status: Status
    x: Array | None = None
    reason: str = ""


def call(simulator: Simulator, theta: Array, seed: int, *key: str | int) -> Array:
    """Simulate rows theta (n, d) with the stream of `key`; float64 of shape (n, *output.shape).

    The global generators are seeded too, so that a simulator which draws from them, against its
    contract, still gives the same numbers in every worker.

    Raises
    ------
    WrongOutput
        If the simulator returns anything else; its own exceptions pass through.
    """
    with global_streams(seed, *key):
        value = simulator.simulate(theta.copy(), stream(seed, *key))
    return _as_numbers(value, (len(theta), *simulator.output.shape))


def simulate_row(simulator: Simulator, theta: Array, seed: int, block: int, row: int) -> Row:
    """Simulate one parameter vector theta (d,); whatever happens becomes a status."""
    try:
        x = call(simulator, theta[np.newaxis], seed, "simulate", block, row)
    except WrongOutput as error:
        return Row(Status.SHAPE, reason=str(error))
    except MemoryError as error:
        return Row(Status.DIED, reason=clean(f"out of memory: {error}"))
    except SystemExit as error:
        return Row(Status.DIED, reason=clean(f"called sys.exit({error.code!r})"))
    except Exception as error:
        return Row(Status.ERROR, reason=describe(error))
    fault = with_reasons(finiteness_faults(x), simulator).get(0)
    return Row(Status.NAN, reason=fault) if fault else Row(Status.OK, x[0])


def finiteness_faults(x: Array) -> dict[int, str]:
    """Row → reason, for the rows of x (n, …) that hold NaN or an infinity."""
    flat = np.isfinite(x).reshape(len(x), int(np.prod(x.shape[1:])))
    faults = {}
    for row in np.flatnonzero(~flat.all(axis=1)).tolist():
        bad = np.flatnonzero(~flat[row])
        faults[row] = f"{len(bad)} of {flat.shape[1]} values not finite, first at index {bad[0]}"
    return faults


def with_reasons(faults: dict[int, str], simulator: Simulator) -> dict[int, str]:
    """Take the simulator's own reasons for rows that failed in its latest call, if it has any."""
    return {row: clean(simulator.reasons.get(row, fault)) for row, fault in faults.items()}


def describe(error: BaseException) -> str:
    """Type and text of an exception on one line, the same in every process."""
    return clean("".join(traceback.format_exception_only(error)))


def clean(text: str) -> str:
    """One line without memory addresses, which differ from process to process."""
    text = re.sub(r"0x[0-9a-fA-F]+", "0x…", text.replace("\0", ""))
    return " ".join(text.encode(errors="replace").decode().split())[:_REASON_LENGTH]


def _as_numbers(value: Any, shape: tuple[int, ...]) -> Array:
    try:
        array = np.asarray(value)
    except Exception as error:  # ragged lists, tensors that need gradients, …
        raise WrongOutput(f"no array: {describe(error)}") from error
    if array.dtype.kind not in "fiub":
        raise WrongOutput(f"{array.dtype} data instead of numbers")
    if array.shape != shape:
        raise WrongOutput(f"shape {array.shape} instead of {shape}")
    return np.array(array, dtype=np.float64)
