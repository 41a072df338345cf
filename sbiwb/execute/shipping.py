"""How a simulator travels to another process: what rebuilds it, never its state.

The bytes exist only in memory and between processes of one run.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import cloudpickle

from sbiwb.core.fixed import FixedSimulator
from sbiwb.core.function import FunctionSimulator
from sbiwb.core.repeated import RepeatedSimulator
from sbiwb.core.simulator import Simulator
from sbiwb.errors import SimulationError
from sbiwb.execute.outcome import describe


def pack(simulator: Simulator) -> bytes:
    """Return bytes from which `unpack` rebuilds the simulator in another process.

    A simulator travels as its class and `options`, a plain function by value.

    Raises
    ------
    SimulationError
        If it cannot be sent; the message names the part that cannot.
    """
    try:
        return bytes(cloudpickle.dumps(_parts(simulator)))
    except Exception as error:  # pickling runs code of the objects: any exception may come
        culprit = next((name for name, part in _suspects(simulator) if not _sendable(part)), None)
        raise SimulationError(
            f"simulator '{simulator.name}' cannot be sent to another process",
            got=(f"{culprit}: " if culprit else "") + describe(error),
            remedy="make that object inside the simulator instead of outside it",
        ) from error


def unpack(blob: bytes) -> Simulator:
    """Rebuild what `pack` described.

    Raises
    ------
    SimulationError
        If it cannot be rebuilt here, or turns out to be another simulator than the one sent.
    """
    try:
        return _build(cloudpickle.loads(blob))
    except SimulationError:
        raise
    except Exception as error:
        raise SimulationError(
            "the simulator cannot be rebuilt in a worker process",
            got=describe(error),
            remedy="workers must be able to import it, and its class must take its `options`",
        ) from error


def _parts(simulator: Simulator) -> tuple[Any, ...]:
    if isinstance(simulator, FixedSimulator):
        return "fixed", _parts(simulator.inner), simulator.values
    if isinstance(simulator, RepeatedSimulator):
        return "repeated", _parts(simulator.inner), simulator.repeats
    if isinstance(simulator, FunctionSimulator):
        keywords = {"batched": simulator.batched, "costly": simulator.costly}
        arguments = (simulator.function, simulator.prior, simulator.output, simulator.name)
        return "function", arguments, keywords
    return "class", type(simulator), dict(simulator.options), _fingerprint(simulator)


def _build(parts: tuple[Any, ...]) -> Simulator:
    match parts:
        case "fixed", inner, values:
            return FixedSimulator(_build(inner), values)
        case "repeated", inner, repeats:
            return RepeatedSimulator(_build(inner), repeats)
        case "function", arguments, keywords:
            return FunctionSimulator(*arguments, **keywords, log_likelihood=None)
        case "class", kind, options, fingerprint:
            simulator: Simulator = kind(**options)
            if _fingerprint(simulator) != fingerprint:
                raise SimulationError(
                    "a worker has another version of the simulator",
                    got=_fingerprint(simulator),
                    expected=fingerprint,
                    remedy="install the same versions on every machine",
                )
            return simulator
    raise AssertionError(parts[0])


def _fingerprint(simulator: Simulator) -> str:
    return json.dumps(simulator.fingerprint(), sort_keys=True)


def _suspects(simulator: Simulator) -> Iterator[tuple[str, Any]]:
    """What the bytes would hold, by the name that the user gave it."""
    if isinstance(simulator, (FixedSimulator, RepeatedSimulator)):
        yield from _suspects(simulator.inner)
    elif not isinstance(simulator, FunctionSimulator):
        yield from simulator.options.items()
    elif inspect.isfunction(simulator.function):
        used = inspect.getclosurevars(simulator.function)
        yield from {**used.globals, **used.nonlocals}.items()


def _sendable(part: Any) -> bool:
    try:
        cloudpickle.dumps(part)
    except Exception:
        return False
    return True
