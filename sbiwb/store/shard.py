"""A block of simulations as the bytes of an HDF5 file, the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

import sbiwb
from sbiwb.core.simulations import Simulations
from sbiwb.errors import DataError

_CHUNK_BYTES = 2**26
# This version of the format checksums its own structure, and h5py writes no times unless asked.
_FORMAT = ("v110", "v110")


class DamagedShard(Exception):
    """Bytes that are not, or no longer, a shard."""


def encode(simulations: Simulations, header: Mapping[str, str | int]) -> bytes:
    """Return the HDF5 file that holds these simulations, every dataset checksummed."""
    reasons = [simulations.reasons.get(row, "").encode() for row in range(len(simulations))]
    columns = {
        "theta": simulations.theta.astype("<f8", copy=False),
        "x": simulations.x.astype("<f8", copy=False),
        "status": simulations.status.astype("i1", copy=False),
        "reasons": np.array(reasons, dtype=f"S{max(1, *map(len, reasons))}"),
    }
    with h5py.File.in_memory(libver=_FORMAT) as file:
        for name, value in header.items():
            # Text of fixed length: a damaged heap of variable-length text can hang HDF5.
            file.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value
        for name, column in columns.items():
            file.create_dataset(
                name,
                data=column,
                chunks=_chunk(column),
                fletcher32=True,
                compression="gzip" if name == "reasons" else None,
            )
            file.flush()  # now, not when Python frees the object: the order is part of the bytes
        return bytes(file.id.get_file_image())


def decode(data: bytes) -> tuple[Simulations, dict[str, Any]]:
    """Inverse of `encode`; `DamagedShard` if a checksum fails or anything is missing."""
    try:
        with h5py.File.in_memory(data, libver=_FORMAT) as file:
            theta, x, status, reasons = (
                file[name][()] for name in ("theta", "x", "status", "reasons")
            )
            header = {name: _plain(value) for name, value in file.attrs.items()}
        texts = {row: text.decode() for row, text in enumerate(reasons.tolist()) if text}
        return Simulations(theta, x, status, texts), header
    except (OSError, KeyError, ValueError, RuntimeError, DataError) as error:
        raise DamagedShard(" ".join(str(error).split())) from error


def versions() -> dict[str, str]:
    """Versions of what computed the simulations: kept for the reader, not compared."""
    return {"numpy": np.__version__, "sbiwb": sbiwb.__version__}


def _chunk(column: NDArray[Any]) -> tuple[int, ...]:
    row_bytes = max(1, column[0].nbytes)
    return (min(len(column), max(1, _CHUNK_BYTES // row_bytes)), *column.shape[1:])


def _plain(value: Any) -> str | int:
    return value.decode() if isinstance(value, bytes) else int(value)
