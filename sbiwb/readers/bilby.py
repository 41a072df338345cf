"""Results of bilby, JSON or HDF5."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.errors import DataError
from sbiwb.readers._columns import LOG_PROB, is_parameter
from sbiwb.readers.base import Chain, Column, Reader, ReadOptions, Table


class Bilby(Reader):
    """Posterior draws, labels, priors' bounds and units, and the evidence.

    The parameters that were searched are shown; conversions of them are derived.  bilby's draws
    are independent: its samplers thin or resample.
    """

    def recognises(self, path: Path) -> bool:
        if not path.is_file():
            return False
        try:
            if h5py.is_hdf5(path):
                with h5py.File(path) as file:
                    return "posterior" in file and "search_parameter_keys" in file
            if not path.name.endswith((".json", ".json.gz")):
                return False
            with _open(path) as file:
                head = file.read(2000)
            return b'"label"' in head and b'"outdir"' in head
        except (OSError, EOFError):
            return False

    def read(self, path: Path, options: ReadOptions) -> Table:  # noqa: ARG002 - it takes none
        content = _hdf5(path) if h5py.is_hdf5(path) else _json(path)
        posterior = content.get("posterior")
        if not isinstance(posterior, Mapping) or not posterior:
            raise DataError(f"{path} holds no posterior draws: the run may not have finished")
        arrays = {str(name): _numbers(values) for name, values in posterior.items()}
        columns = {n: a for n, a in arrays.items() if a is not None and is_parameter(n)}
        searched = [str(name) for name in content.get("search_parameter_keys") or columns]
        if not columns:
            raise DataError(f"{path} holds no numeric draws", got=", ".join(arrays))
        names = [n for n in searched if n in columns]
        names += [n for n in columns if n not in names]
        log_prob = next((arrays[n] for n in LOG_PROB if arrays.get(n) is not None), None)
        likelihood, prior = arrays.get("log_likelihood"), arrays.get("log_prior")
        if log_prob is None and likelihood is not None and prior is not None:
            log_prob = likelihood + prior
        priors = content.get("priors")
        labels = dict(zip(searched, content.get("parameter_labels") or [], strict=False))
        return Table(
            tuple(
                _column(
                    name,
                    priors.get(name) if isinstance(priors, Mapping) else None,
                    str(labels.get(name, "")),
                    name in searched,
                )
                for name in names
            ),
            (Chain(np.column_stack([columns[n] for n in names]), None, log_prob),),
            "independent",
            (path,),
            {"sampler": str(content.get("sampler", ""))},
            log_evidence=_finite(content.get("log_evidence")),
            log_evidence_err=_finite(content.get("log_evidence_err")),
        )


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _json(path: Path) -> dict[str, Any]:
    with _open(path) as file:
        content = json.load(file)
    if not isinstance(content, dict):
        raise DataError(f"{path} is not a result of bilby", got=type(content).__name__)
    frame = content.get("posterior")
    if isinstance(frame, Mapping) and frame.get("__dataframe__"):
        content["posterior"] = frame["content"]
    return content


def _hdf5(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        content: dict[str, Any] = {
            "posterior": {
                name: data[...] for name, data in file["posterior"].items() if data.ndim == 1
            }
        }
        for key in ("search_parameter_keys", "parameter_labels"):
            if key in file and file[key].ndim == 1:
                content[key] = list(file[key].asstr()[...])
        for key in ("log_evidence", "log_evidence_err"):
            if key in file and file[key].dtype.kind == "f":
                content[key] = float(file[key][()])
        if "priors" in file and file["priors"].ndim == 0 and file["priors"].dtype.kind == "O":
            try:
                content["priors"] = json.loads(file["priors"].asstr()[()])
            except ValueError:  # older versions wrote another text; labels stand elsewhere too
                content["priors"] = {}
        if "sampler" in file:
            content["sampler"] = file["sampler"].asstr()[()]
    return content


def _numbers(values: Any) -> Array | None:
    """One column; None if it is text, complex, or one value for all rows."""
    try:
        array = np.asarray(values)
    except ValueError:
        return None
    return array.astype(np.float64) if array.dtype.kind in "fiub" and array.ndim == 1 else None


def _column(name: str, prior: Any, label: str, searched: bool) -> Column:
    described = prior.get("kwargs", {}) if isinstance(prior, Mapping) else {}
    low, high = _finite(described.get("minimum")), _finite(described.get("maximum"))
    label = str(described.get("latex_label") or label).strip("$")
    return Column(
        name,
        "" if label == name else label,
        str(described.get("unit") or ""),
        (-math.inf if low is None else low, math.inf if high is None else high),
        searched,
    )


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None
