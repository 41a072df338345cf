"""Stan's CSV files, one a chain."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sbiwb.errors import DataError
from sbiwb.readers._columns import require_distinct
from sbiwb.readers._files import numbered, text_of
from sbiwb.readers.base import Chain, Column, Reader, ReadOptions, Table


class CmdStan(Reader):
    """All chains ``ROOT_1.csv`` …; warm-up that was saved is left out.

    Columns whose names end in ``__`` are the sampler's own; ``theta.1.2`` is named
    ``theta[1,2]``, as in the model.

    References
    ----------
    https://mc-stan.org/docs/cmdstan-guide/stan_csv_apdx.html
    """

    def recognises(self, path: Path) -> bool:
        files = _find(path)
        if not files:
            return False
        try:
            names = _header(text_of(files[0]))
        except (DataError, OSError):
            return False
        return "lp__" in names and sum(name.endswith("__") for name in names) > 1

    def read(self, path: Path, options: ReadOptions) -> Table:  # noqa: ARG002 - it takes none
        files = _find(path)
        if not files:
            raise DataError("no such chains", got=path, expected=f"{path}_1.csv, …")
        header: list[str] = []
        chains, warmups = [], []
        for file in files:
            text = text_of(file)
            names = _header(text)
            if header and names != header:
                raise DataError(f"{file} has other columns than {files[0]}")
            header = names
            rows = [line for line in text.splitlines() if line.strip() and line[0] != "#"][1:]
            table = np.loadtxt(rows, delimiter=",", ndmin=2) if rows else np.empty((0, 0))
            if table.shape[1] != len(names):
                raise DataError(
                    f"{file} is damaged", got=f"{table.shape[1]} columns", expected=len(names)
                )
            warmup = _warmup(text)
            warmups.append(warmup)
            kept = [k for k, name in enumerate(names) if not name.endswith("__")]
            chains.append(Chain(table[warmup:, kept], None, table[warmup:, names.index("lp__")]))
        named = [_in_model(name) for name in header if not name.endswith("__")]
        require_distinct(named, files[0])
        notes = {"warm-up": f"{max(warmups)} rows a chain left out"} if any(warmups) else {}
        return Table(tuple(map(Column, named)), tuple(chains), "chain", tuple(files), notes)


def _find(path: Path) -> list[Path]:
    files = numbered(path, "_", ".csv")
    return files or ([path] if path.is_file() and path.suffix == ".csv" else [])


def _header(text: str) -> list[str]:
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [name.strip() for name in next(lines, "").split(",")]


def _warmup(text: str) -> int:
    """Rows of warm-up in the file, from the settings in its comments."""
    settings = re.findall(r"^#\s*(save_warmup|num_warmup|thin) = (\w+)", text, re.MULTILINE)
    found = dict(settings)
    if found.get("save_warmup") not in ("1", "true"):
        return 0
    return -(-int(found.get("num_warmup", 0)) // int(found.get("thin", 1)))


def _in_model(name: str) -> str:
    """Turn ``theta.1.2`` into ``theta[1,2]``."""
    base, *indices = name.split(".")
    return f"{base}[{','.join(indices)}]" if indices else base
