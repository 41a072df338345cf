"""What a worker process does: orders in, replies out; started by `sbiwb.pipeline.workers`."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sbiwb.errors import SbiwbError, SimulationError
from sbiwb.execute.child import die_with_parent

if TYPE_CHECKING:
    from sbiwb.result import Result


def main() -> None:
    """Serve the run that started this process, until it hangs up."""
    serve(_serve)


def serve(do: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Answer each order of the parent process by what ``do(order)`` returns, until it hangs up."""
    lifeline, number = map(int, sys.argv[1:])
    die_with_parent(lifeline)
    os.set_inheritable(number, False)
    faulthandler.enable()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Connection(number) as line:
        try:
            while True:
                order = json.loads(line.recv_bytes())
                with _logged(Path(order["log"])):
                    reply = do(order)
                line.send_bytes(json.dumps(reply).encode())
        except EOFError:
            return
        except KeyboardInterrupt:  # the run is being stopped; what is saved stays
            sys.exit(130)


def _serve(order: Mapping[str, Any]) -> dict[str, Any]:
    """Do one order.

    The reply says which files were written, what the user is to be told, and the error if there was
    one.
    """
    reply: dict[str, Any] = {"written": {}, "notes": []}
    with _noted(reply["notes"]):
        reply["error"] = attempt(lambda: reply["written"].update(_steps(order)))
    return reply


def attempt(work: Callable[[], object]) -> dict[str, Any] | None:
    """Do something; the error if there was one, as ``message`` and ``exit_code``."""
    try:
        work()
    except SbiwbError as error:
        traceback.print_exc()
        return {"message": str(error), "exit_code": error.exit_code}
    except Exception as error:
        # Libraries and simulators may raise anything; the log has the traceback.
        traceback.print_exc()
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return {"message": message, "exit_code": SimulationError.exit_code}
    return None


def _steps(order: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Infer and check as ordered, and yield what was saved and how long it took."""
    from sbiwb.config import ProblemSection
    from sbiwb.loading import load
    from sbiwb.pipeline.plan import build_problem

    began = time.perf_counter()
    path = Path(order["inferred"])
    if order["infer"]:
        from sbiwb.inference import infer

        result = infer(
            build_problem(ProblemSection(**order["problem"])),
            order["method"],
            budget=order["budget"],
            rounds=order["rounds"],
            seed=order["seed"],
            executor=order["executor"],
            store=order["store"],
            **order["options"],
        )
        _save(result, path, order["key"], began)
        yield "inferred", time.perf_counter() - began
    else:
        result = load(path)
    if order["checks"] is not None:
        from sbiwb.checking import applicable, check

        began = time.perf_counter()
        asked = applicable(result, order["checks"])
        checked = check(result, executor=order["executor"], **asked)
        _save(checked, Path(order["checked"]), order["checked_key"], began)
        yield "checked", time.perf_counter() - began


def _save(result: Result, path: Path, key: str, began: float) -> None:
    from sbiwb.result import with_attrs

    seconds = time.perf_counter() - began
    tree = with_attrs(result.tree, run_key=key, run_seconds=seconds)
    replace(result, tree=tree).save(path)


@contextmanager
def _noted(notes: list[str]) -> Iterator[None]:
    """Collect what the store warns of; other warnings are shown, in the log."""
    from sbiwb.store import StoreWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", StoreWarning)
        show = warnings.showwarning

        def note(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if issubclass(category, StoreWarning):
                notes.append(str(message))
            show(message, category, *place)

        warnings.showwarning = note  # type: ignore[assignment]  # restored by catch_warnings
        yield


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Send everything printed to `path`, also by compiled code; delete it if nothing was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = os.dup(2)
    with path.open("w", encoding="utf-8") as log:
        os.dup2(log.fileno(), 2)
        os.dup2(log.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(before, 2)
            os.dup2(before, 1)
            os.close(before)
    if path.stat().st_size == 0:
        path.unlink()
