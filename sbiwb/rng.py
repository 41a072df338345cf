"""Keyed random streams: the same seed and key give the same numbers, whoever asks.

A stream belongs to a *thing* (block 7 of the simulations, chain 2), never to a worker, so results
do not depend on how many workers there were or in which order they finished.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from sbiwb.errors import UsageError


def stream(seed: int, *key: str | int) -> np.random.Generator:
    """Return the random stream that belongs to `key` under `seed`.

    Parameters
    ----------
    seed : int
        Root seed of the run, 0 ≤ seed < 2⁶³.
    *key : str or int
        What the numbers are for, for example ``("simulate", 7)``.

    Returns
    -------
    numpy.random.Generator
        A fresh generator, independent of that of every other key.

    Raises
    ------
    UsageError
        If the seed is not an integer in range.

    Notes
    -----
    The key is hashed to the ``spawn_key`` of a `numpy.random.SeedSequence`, whose design goal is
    independence of differently keyed children (O'Neill 2015; NumPy enhancement proposal 19).
    """
    return np.random.Generator(np.random.PCG64DXSM(_sequence(seed, key)))


def integer_seed(seed: int, *key: str | int) -> int:
    """Return a 63-bit integer seed for libraries that want one, keyed like `stream`."""
    return int(_sequence(seed, key).generate_state(1, np.uint64)[0] >> np.uint64(1))


@contextmanager
def global_streams(seed: int, *key: str | int) -> Iterator[None]:
    """Seed the global generators that libraries draw from, and restore them on exit.

    emcee, sbi and Pyro draw from the global state of `random`, NumPy and Torch.  Torch is touched
    only when it is already imported.
    """
    number = integer_seed(seed, *key)
    python_state = random.getstate()
    numpy_state = np.random.get_state()
    torch = sys.modules.get("torch")
    torch_state = torch.get_rng_state() if torch else None
    random.seed(number)
    np.random.seed(number % 2**32)
    if torch:
        torch.manual_seed(number)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        if torch:
            torch.set_rng_state(torch_state)


def check_seed(seed: object) -> int:
    """Return `seed` as an int, or raise `UsageError` if it is not one in [0, 2⁶³)."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise UsageError("bad seed", got=repr(seed), expected="an integer in [0, 2^63)")
    return int(seed)


def _sequence(seed: int, key: tuple[str | int, ...]) -> np.random.SeedSequence:
    words: list[int] = []
    for part in key:
        if not isinstance(part, (str, int, np.integer)):
            raise UsageError("bad stream key", got=repr(part), expected="strings and integers")
        tag = (f"str:{part}" if isinstance(part, str) else f"int:{int(part)}").encode()
        digest = hashlib.blake2b(tag, digest_size=16).digest()
        words.extend(np.frombuffer(digest, dtype="<u4").tolist())
    return np.random.SeedSequence(check_seed(seed), spawn_key=tuple(words))
