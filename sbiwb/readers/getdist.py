"""GetDist and CosmoMC chains: ``ROOT_1.txt`` … or ``ROOT.txt``, and ``ROOT.paramnames``."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Literal

import numpy as np

from sbiwb.errors import DataError
from sbiwb.readers._burn_in import said, without_start
from sbiwb.readers._columns import require_distinct
from sbiwb.readers._files import first_line, numbered, numbers_of, text_of
from sbiwb.readers.base import Chain, Column, Reader, ReadOptions, Table


class GetDist(Reader):
    """Rows of weight, −log posterior and parameters; labels and bounds lie beside the chains.

    Parameters marked ``*`` in ``ROOT.paramnames`` are derived; ``ROOT.ranges`` holds hard bounds.
    ``ROOT.properties.ini`` may say that the draws are independent (``sampler = nested``).  As in
    GetDist nothing is taken for burn-in unless the user says so.

    References
    ----------
    https://getdist.readthedocs.io/en/latest/intro.html
    """

    burns_in = True

    def recognises(self, path: Path) -> bool:
        root, files = _find(path)
        return (
            bool(files)
            and _beside(root, ".paramnames").is_file()
            and not first_line(files[0]).startswith("#")
        )

    def needs_names(self, path: Path) -> bool:
        return not _beside(_find(path)[0], ".paramnames").is_file()

    def read(self, path: Path, options: ReadOptions) -> Table:
        root, files = _find(path)
        if not files:
            raise DataError(
                "no such chains", got=path, expected=f"{root}_1.txt, {root}_2.txt, … or {root}.txt"
            )
        tables = [numbers_of(file) for file in files]
        widths = {table.shape[1] for table in tables}
        columns = _columns(root, options)
        if widths != {len(columns) + 2}:
            raise DataError(
                f"the chains {root} do not fit their names",
                got=f"{', '.join(map(str, sorted(widths)))} columns",
                expected=f"{len(columns) + 2}: weight, -log posterior and {len(columns)} "
                "parameters",
                remedy="name the parameters in order with --names" if not columns else None,
            )
        chains = [Chain(table[:, 2:], table[:, 0], -table[:, 1]) for table in tables]
        beside = [_beside(root, s) for s in (".paramnames", ".ranges", ".properties.ini")]
        return Table(
            columns,
            tuple(without_start(chain, options.burn_in) for chain in chains),
            _order(root, chains),
            (*files, *(file for file in beside if file.is_file())),
            {"burn-in": said(options.burn_in)} if options.burn_in else {},
        )


def _find(path: Path) -> tuple[Path, list[Path]]:
    """Root and chains of a root, one of its chains, or its table of names."""
    if path.suffix == ".paramnames":
        path = path.with_suffix("")
    files = numbered(path, "_", ".txt")
    if files:
        return files[0].with_name(re.sub(r"_\d+\.txt$", "", files[0].name)), files
    single = path if path.suffix == ".txt" else _beside(path, ".txt")
    root = single.with_name(single.name.removesuffix(".txt"))
    return root, [single] if single.is_file() else []


def _beside(root: Path, suffix: str) -> Path:
    return root.with_name(root.name + suffix)  # roots may hold dots


def _columns(root: Path, options: ReadOptions) -> tuple[Column, ...]:
    if options.names is not None:
        return tuple(Column(name) for name in options.names)
    file = _beside(root, ".paramnames")
    if not file.is_file():
        return ()
    ranges = _ranges(root)
    columns = []
    for line in filter(None, map(str.strip, text_of(file).splitlines())):
        name, _, rest = line.replace("\t", " ").partition(" ")
        label = rest.partition("#")[0].strip().replace("!", "\\")
        bare = name.removesuffix("*")
        support = ranges.get(bare, (-math.inf, math.inf))
        columns.append(
            Column(bare, label.strip("$"), support=support, sampled=not name.endswith("*"))
        )
    require_distinct([column.name for column in columns], file)
    return tuple(columns)


def _ranges(root: Path) -> dict[str, tuple[float, float]]:
    file = _beside(root, ".ranges")
    if not file.is_file():
        return {}
    rows = [line.split() for line in text_of(file).splitlines()]
    return {
        row[0]: (
            -math.inf if row[1] == "N" else float(row[1]),
            math.inf if row[2] == "N" else float(row[2]),
        )
        for row in rows
        if len(row) >= 3 and not row[0].startswith("#")
    }


def _order(root: Path, chains: list[Chain]) -> Literal["chain", "independent"]:
    """Whether draws are independent: as the properties say, or as a single file's weights look."""
    file = _beside(root, ".properties.ini")
    if file.is_file():
        match = re.search(r"^\s*sampler\s*=\s*(\w+)", text_of(file), re.MULTILINE)
        if match:
            return "independent" if match[1] in ("nested", "uncorrelated") else "chain"
    weight = chains[0].weight
    whole = weight is None or bool(np.all(weight == np.round(weight)))
    # Chains count how often they stood still; fractions come from nested or importance sampling.
    return "chain" if whole or len(chains) > 1 else "independent"
