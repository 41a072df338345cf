"""Where and under which limits simulations run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeGuard

from sbiwb.errors import UsageError, did_you_mean

_NAMED_CLUSTERS = ("inline", "local", "slurm")
_ADDRESS_PREFIXES = ("tcp://", "tls://", "scheduler-file:")
_SLURM_ONLY = ("queue", "account", "walltime", "cores", "job_memory")


@dataclass(frozen=True)
class Execution:
    """Where and under which limits simulations run; the numbers do not depend on where.

    Parameters
    ----------
    cluster : str
        ``inline`` (this process), ``local`` (worker processes on this machine), ``slurm`` (jobs,
        through dask-jobqueue), or a Dask scheduler that already runs: ``tcp://host:port``,
        ``tls://host:port`` or ``scheduler-file:PATH``.
    workers : int
        Worker processes of a ``local`` or ``slurm`` cluster, one thread each.
    timeout : float, optional
        Seconds that one simulation may take.
    memory : float, optional
        GiB of address space that the process of a simulation may use.
    block_size : int, optional
        Simulations per block, the unit of work and of storage.  By default 1,000, or 10 for
        guarded simulators, and less where x is so large that a block would exceed 64 MiB.
    max_failure_fraction : float
        Give up when more than this share of the simulations fails.
    queue, account : str, optional
        Slurm partition and account.
    walltime : str or int, optional
        Time limit of a Slurm job, ``"HH:MM:SS"`` or seconds.
    cores : int, optional
        Cores of a Slurm job, one worker each; 1 by default.
    job_memory : float, optional
        GiB of memory of a Slurm job; 4 by default.

    Raises
    ------
    UsageError
        If a value is out of range, or does not apply to the cluster.

    Notes
    -----
    With a `timeout` or a `memory` limit, or if the simulator is costly, simulations are *guarded*:
    made one at a time in a child process of the worker, each row with its own random stream.
    """

    cluster: str = "inline"
    workers: int = 1
    timeout: float | None = None
    memory: float | None = None
    block_size: int | None = None
    max_failure_fraction: float = 0.5
    queue: str | None = None
    account: str | None = None
    walltime: str | int | None = None
    cores: int | None = None
    job_memory: float | None = None

    def __post_init__(self) -> None:
        _check_cluster(self.cluster)
        for name in ("workers", "block_size", "cores"):
            _check_number(name, getattr(self, name), whole=True)
        for name in ("timeout", "memory", "job_memory"):
            _check_number(name, getattr(self, name), whole=False)
        fraction = self.max_failure_fraction
        if not _is_number(fraction) or not 0 <= fraction <= 1:
            raise UsageError(
                "bad executor option max_failure_fraction", got=fraction, expected="0 to 1"
            )
        if self.walltime is not None:
            hours, rest = divmod(walltime_seconds(self.walltime), 3600)
            clock = f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
            object.__setattr__(self, "walltime", clock)
        if self.workers != 1 and self.cluster not in ("local", "slurm"):
            raise UsageError(
                f"executor '{self.cluster}' does not start workers",
                got=f"workers: {self.workers}",
                remedy="executor: {cluster: local, workers: …} starts worker processes here",
            )
        for name in _SLURM_ONLY:
            if getattr(self, name) is not None and self.cluster != "slurm":
                raise UsageError(
                    f"executor option {name} is for cluster: slurm", got=f"cluster: {self.cluster}"
                )

    def guards(self, costly: bool) -> bool:
        """Whether a simulator of this cost runs row by row in a guard process."""
        return costly or self.timeout is not None or self.memory is not None

    def at(self, address: str) -> Execution:
        """The same limits on the running scheduler at `address`."""
        slurm_only = dict.fromkeys(_SLURM_ONLY)
        return replace(self, cluster=address, workers=1, **slurm_only)  # type: ignore[arg-type]


def parse_execution(value: str | Mapping[str, Any] | Execution | None) -> Execution:
    """Turn what a recipe or a script says into an `Execution`.

    Parameters
    ----------
    value : None, str, mapping or Execution
        ``"local"``, ``{"cluster": "local", "workers": 4}``, …; None is ``inline``.

    Raises
    ------
    UsageError
        If a key or a value is not valid.

    Examples
    --------
    >>> parse_execution({"cluster": "local", "workers": 4}).workers
    4
    """
    if value is None:
        return Execution()
    if isinstance(value, Execution):
        return value
    if isinstance(value, str):
        return Execution(cluster=value)
    if not isinstance(value, Mapping):
        raise UsageError(
            "bad executor",
            got=repr(value),
            expected="a name such as 'local', or a mapping such as {cluster: local, workers: 4}",
        )
    known = [field.name for field in fields(Execution)]
    for key in value:
        if key not in known:
            raise UsageError(
                "unknown executor option",
                got=f"'{key}'",
                expected="one of " + ", ".join(known),
                remedy=did_you_mean(str(key), known),
            )
    return Execution(**value)


def walltime_seconds(walltime: str | int) -> int:
    """Turn "HH:MM:SS" into seconds; numbers are seconds (YAML reads 1:30:00 as 5400)."""
    parts = str(walltime).split(":")
    if isinstance(walltime, bool) or len(parts) not in (1, 3) or not all(map(str.isdigit, parts)):
        raise UsageError("bad executor option walltime", got=repr(walltime), expected="'HH:MM:SS'")
    return sum(int(part) * unit for part, unit in zip(reversed(parts), (1, 60, 3600), strict=False))


def _check_cluster(cluster: object) -> None:
    if isinstance(cluster, str):
        if cluster in _NAMED_CLUSTERS:
            return
        if any(cluster.startswith(p) and cluster != p for p in _ADDRESS_PREFIXES):
            return
    raise UsageError(
        "unknown cluster",
        got=f"'{cluster}'",
        expected="inline, local, slurm, tcp://HOST:PORT, tls://HOST:PORT or scheduler-file:PATH",
        remedy=did_you_mean(str(cluster), _NAMED_CLUSTERS),
    )


def _check_number(name: str, value: object, *, whole: bool) -> None:
    if value is None and name != "workers":
        return
    if not _is_number(value) or value <= 0 or (whole and not isinstance(value, int)):
        raise UsageError(
            f"bad executor option {name}",
            got=repr(value),
            expected="a whole number > 0" if whole else "a number > 0",
        )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
