"""Cobaya chains: ``ROOT.1.txt`` … with a header, and ``ROOT.updated.yaml``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sbiwb.errors import DataError, UsageError
from sbiwb.readers._burn_in import said, without_start
from sbiwb.readers._columns import require_distinct
from sbiwb.readers._files import first_line, numbered, numbers_of, text_of
from sbiwb.readers.base import Chain, Column, Reader, ReadOptions, Table
from sbiwb.safe_yaml import read_yaml

_HEAD = ["weight", "minuslogpost"]
_NO_PARAMETER = re.compile(r"(minuslogprior|chi2)(__.*)?")
_NESTED = ("polychord", "minimal_nested")


class Cobaya(Reader):
    """Weights, −log posterior and parameters under a header; labels and bounds from the YAML.

    Columns ``minuslogprior…`` and ``chi2…`` are left out.  As in Cobaya nothing is taken for
    burn-in unless the user says so.

    References
    ----------
    https://cobaya.readthedocs.io/en/latest/output.html
    """

    burns_in = True

    def recognises(self, path: Path) -> bool:
        files = _find(path)[1]
        return bool(files) and first_line(files[0]).lstrip("# ").split()[:2] == _HEAD

    def read(self, path: Path, options: ReadOptions) -> Table:
        root, files = _find(path)
        if not files:
            raise DataError("no such chains", got=path, expected=f"{root}.1.txt, …")
        header = first_line(files[0]).lstrip("# ").split()
        require_distinct(header, files[0])
        chains = []
        names = [n for n in header[2:] if not _NO_PARAMETER.fullmatch(n)]
        kept = [header.index(n) for n in names]
        for file in files:
            if first_line(file).lstrip("# ").split() != header:
                raise DataError(f"{file} has other columns than {files[0]}")
            table = numbers_of(file)
            if table.shape[1] != len(header):
                raise DataError(
                    f"{file} is damaged", got=f"{table.shape[1]} columns", expected=len(header)
                )
            chains.append(Chain(table[:, kept], table[:, 0], -table[:, 1]))
        info_file, info, warnings = _info(root)
        params, sampler = (_mapping(info.get(key)) for key in ("params", "sampler"))
        temperature = _mapping(sampler.get("mcmc")).get("temperature") or 1
        if temperature != 1:
            raise DataError(
                f"the chains {root} are of a tempered posterior",
                got=f"temperature {temperature}",
                expected="temperature 1",
                remedy="reweight them with Cobaya's SampleCollection.reset_temperature first",
            )
        return Table(
            tuple(_column(name, params.get(name), bool(params)) for name in names),
            tuple(without_start(chain, options.burn_in) for chain in chains),
            "independent" if any(name in sampler for name in _NESTED) else "chain",
            (*files, *([info_file] if info_file else [])),
            {"burn-in": said(options.burn_in)} if options.burn_in else {},
            warnings,
        )


def _find(path: Path) -> tuple[Path, list[Path]]:
    name = re.sub(r"\.(updated|input)\.yaml$|\.\d+\.txt$", "", path.name)
    root = path.with_name(name)
    return root, numbered(root, ".", ".txt")


def _info(root: Path) -> tuple[Path | None, Mapping[str, Any], tuple[str, ...]]:
    for suffix in (".updated.yaml", ".input.yaml"):
        file = root.with_name(root.name + suffix)
        if not file.is_file():
            continue
        try:
            info = read_yaml(text_of(file), str(file))
        except UsageError as error:  # it may hold Python objects, which are not built here
            return None, {}, (f"No labels or bounds were read from {file.name}: {error}",)
        return file, _mapping(info), ()
    return None, {}, ()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _column(name: str, described: Any, known: bool) -> Column:
    if not isinstance(described, Mapping):
        return Column(name, sampled=not known)
    prior = described.get("prior")
    bounds: Any = (None, None)
    if isinstance(prior, Mapping) and prior.get("dist", "uniform") == "uniform":
        bounds = prior.get("min"), prior.get("max")
    elif isinstance(prior, list) and len(prior) == 2:
        bounds = prior
    low, high = (
        float(side) if isinstance(side, (int, float)) else default
        for side, default in zip(bounds, (-math.inf, math.inf), strict=True)
    )
    label = str(described.get("latex") or "").strip("$")
    return Column(name, label, support=(low, high), sampled=prior is not None)
