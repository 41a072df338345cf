"""Hash of what a function does: its code and the values it holds on to.

Stored simulations of a plain function are found again by this hash, so it must change when the
function, a constant it reads or a helper it calls changes, and must not depend on the process.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import itertools
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)


def source_hash(function: Callable[..., Any]) -> str:
    """Hash a function's code, defaults, captured variables, and globals it names.

    Helpers are followed within the function's own module.  Of other objects only the type counts:
    the content of a network or a data frame that a function captures is not seen.
    """
    text = _describe(function, set())
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _describe(value: Any, seen: set[int]) -> str:
    """Text that is equal for equal values, in any process; `seen` stops recursion."""
    if isinstance(value, _PLAIN):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"array:{value.dtype}{value.shape}{digest}"
    if id(value) in seen:
        return "seen"
    seen.add(id(value))
    head, parts = _parts(value)
    text = f"{head}({','.join(_describe(part, seen) for part in parts)})"
    if not isinstance(value, types.FunctionType):  # equal containers may be one object or two
        seen.discard(id(value))
    return text


def _parts(value: Any) -> tuple[str, Iterable[Any]]:
    """What names the value, and the values it consists of."""
    if isinstance(value, types.FunctionType):
        return _source(value), _held(value)
    if isinstance(value, types.CodeType):
        return value.co_code.hex() + repr(value.co_names), value.co_consts
    if isinstance(value, types.MethodType):
        return "method", (value.__func__, value.__self__)
    if isinstance(value, functools.partial):
        return "partial", (value.func, value.args, value.keywords)
    if isinstance(value, (list, tuple)):
        return type(value).__name__, value
    if isinstance(value, dict):
        return "dict", itertools.chain.from_iterable(value.items())
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}:{getattr(value, '__name__', '')}"
    if callable(value) and not isinstance(value, type):
        methods = [m for m in vars(kind).values() if isinstance(m, types.FunctionType)]
        return name, (*methods, getattr(value, "__dict__", None))
    return name, ()


def _source(function: types.FunctionType) -> str:
    # The source of a lambda is its whole line, whatever else stands there.
    if function.__name__ != "<lambda>":
        try:
            return inspect.getsource(function)
        except (OSError, TypeError):  # typed in a console
            pass
    return _describe(function.__code__, set())


def _held(function: types.FunctionType) -> Iterator[Any]:
    """Values that the function's result depends on, besides its own code."""
    yield function.__defaults__
    yield function.__kwdefaults__
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a variable of the enclosing function that is not set yet
            yield None
    for name in sorted(_names(function.__code__)):
        value = function.__globals__.get(name)
        is_helper = isinstance(value, types.FunctionType)
        if not is_helper or value.__module__ == function.__module__:
            yield value


def _names(code: types.CodeType) -> set[str]:
    """Global names in the code and in the functions defined inside it."""
    inner = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))
