"""emcee's HDF5 backends."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError
from sbiwb.readers._columns import require_distinct
from sbiwb.readers.base import Chain, Column, Reader, ReadOptions, Table
from sbiwb.samplers._autocorrelation import integrated_time

BURN_IN = 5
LEAST = 50
"""Steps, in autocorrelation times: the start that is left out (a walker forgets e⁻⁵ of where it
began), and the length below which emcee's documentation does not trust the time itself."""


class Emcee(Reader):
    """One chain a walker; the first 5 integrated autocorrelation times are left out.

    The files hold no names: the user gives them.

    References
    ----------
    Foreman-Mackey et al. 2013, PASP 125, 306, arXiv:1202.3665;
    https://emcee.readthedocs.io/en/stable/tutorials/autocorr for the length of a chain.
    """

    burns_in = True

    def recognises(self, path: Path) -> bool:
        if not path.is_file() or not h5py.is_hdf5(path):
            return False
        try:
            with h5py.File(path) as file:
                return bool(_groups(file))
        except OSError:
            return False

    def needs_names(self, path: Path) -> bool:  # noqa: ARG002 - no such file has any
        return True

    def read(self, path: Path, options: ReadOptions) -> Table:
        chain, log_prob = _load(path)
        steps, _, count = chain.shape
        names = options.names or ()
        if len(names) != count:
            letters = ",".join("abcdefghijklmnopqrstuvwxyz"[: min(count, 3)])
            raise DataError(
                f"{path} holds no names of its parameters" if not names else f"{path}: wrong names",
                got=f"{len(names)} names for {count} parameters",
                remedy=f"name them in order: --names {letters}{',…' if count > 3 else ''}",
            )
        require_distinct(names, path)
        warnings: tuple[str, ...] = ()
        if options.burn_in is None:
            time = float(np.max(integrated_time(chain)))
            if not np.isfinite(time):
                raise DataError(f"the walkers in {path} never move")
            start = min(int(np.ceil(BURN_IN * time)), steps // 2)
            said = f"{start} of {steps} steps left out; autocorrelation time {time:.1f} steps"
            if steps < LEAST * time:
                warnings = (
                    f"{path.name} is only {steps / time:.0f} autocorrelation times long; emcee "
                    f"asks for {LEAST}.",
                )
        else:
            start = int(options.burn_in * steps if options.burn_in < 1 else options.burn_in)
            said = f"{start} of {steps} steps left out, as asked"
        chains = tuple(
            Chain(chain[start:, walker], None, log_prob[start:, walker])
            for walker in range(chain.shape[1])
        )
        columns = tuple(Column(name) for name in names)
        return Table(columns, chains, "chain", (path,), {"burn-in": said}, warnings)


def _groups(file: h5py.File) -> list[str]:
    return [
        name
        for name, group in file.items()
        if isinstance(group, h5py.Group) and {"nwalkers", "ndim", "iteration"} <= set(group.attrs)
    ]


def _load(path: Path) -> tuple[Array, Array]:
    """Steps that were made, (step, walker, d), and their log densities (step, walker)."""
    with h5py.File(path) as file:
        groups = _groups(file)
        if len(groups) != 1:
            raise DataError(
                f"{path} holds several samplers",
                got=", ".join(groups) or "none",
                expected="one group",
                remedy="copy the one you mean to a file of its own",
            )
        group = file[groups[0]]
        steps = int(group.attrs["iteration"])
        if steps < 1 or "chain" not in group:
            raise DataError(f"{path} holds no steps yet")
        chain = np.asarray(group["chain"][:steps], dtype=np.float64)
        log_prob = np.asarray(group["log_prob"][:steps], dtype=np.float64)
    return chain, log_prob
