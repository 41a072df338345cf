"""Baryon acoustic oscillations: distances over the sound horizon, with Gaussian errors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sbiwb.errors import DataError, UsageError, did_you_mean, unknown_name

from ._gaussian import GaussianSimulator
from .models import MODELS
from .points import PUBLISHED, Points, published_points, read_points
from .probe import HRD, HUBBLE_DISTANCE, Prediction, Probe


class BAO(GaussianSimulator):
    """BAO distances: prediction + Gaussian noise of the data's covariance.

    x holds D_M/r_d, D_H/r_d and D_V/r_d = (z D_M² D_H)^{1/3}/r_d in the order of the data, for
    DESI DR2 thirteen numbers (note D_H before D_M at z = 2.33, as in the released files).

    Parameters
    ----------
    data : str or pair of paths
        ``"desi_dr2"``, or ``(mean_file, covariance_file)`` in DESI's text format (see `points`).
    model : str
        A key of `models.MODELS`: ``"lcdm"``, ``"wcdm"``, ``"w0wacdm"``, ``"olcdm"``, ….
    sha256 : str, optional
        Hash that the content of the two files must have.  `options` holds it, so that simulations
        and results made from other contents are never taken for these.

    Raises
    ------
    UsageError
        If the data set or the model is unknown.
    DataError
        If a file cannot be used.

    Notes
    -----
    Parameters are Ωm, h·r_d and the model's own; the priors of w0 and wa are DESI's.  DESI takes
    h·r_d from 10 to 1000 Mpc; here it is 50 to 200 Mpc, which holds the same posterior.  It raises
    the log-evidence of every model by ln(990/150) ≈ 1.89, so Bayes factors are the same.

    References
    ----------
    DESI Collaboration (2025), DR2 Results II: Measurements of Baryon Acoustic Oscillations and
    Cosmological Constraints, arXiv:2503.14738.
    """

    name = "cosmology.bao"
    version = "1"

    def __init__(
        self,
        data: str | Sequence[str | os.PathLike[str]] = "desi_dr2",
        model: str = "lcdm",
        *,
        sha256: str | None = None,
    ) -> None:
        if not isinstance(model, str) or model not in MODELS:
            raise unknown_name("cosmological model", model, MODELS)
        self.points, self.options = _load(data, sha256)
        self.options["model"] = model
        super().__init__([bao_probe(self.points)], MODELS[model], label="D/r_d")


def bao_probe(points: Points) -> Probe:
    """D_M/r_d, D_H/r_d and D_V/r_d with r_d through h·r_d."""
    quantity = np.array(points.quantity)

    def prepare(xp: Any) -> Prediction:
        transverse = xp.asarray(quantity == "DM_over_rs")
        radial = xp.asarray(quantity == "DH_over_rs")
        z = xp.asarray(points.z)

        def predict(across: Any, along: Any, scales: Any) -> Any:
            volume = (z * across * across * along) ** (1 / 3)
            chosen = xp.where(transverse, across, xp.where(radial, along, volume))
            return HUBBLE_DISTANCE / scales["hrd"] * chosen

        return predict

    return Probe(
        points.name,
        points.source,
        points.z,
        points.value,
        points.covariance,
        points.names,
        prepare,
        (HRD,),
        measures=points.name,
    )


def _load(
    data: str | Sequence[str | os.PathLike[str]], sha256: str | None
) -> tuple[Points, dict[str, Any]]:
    """Points and the options that load them again."""
    if isinstance(data, str):
        if sha256 is not None:
            raise UsageError("sha256 applies to data files only", got=f"data='{data}'")
        if data not in PUBLISHED:
            raise UsageError(
                "unknown BAO data set",
                got=f"'{data}'",
                expected=f"one of {', '.join(PUBLISHED)}, or a pair (mean_file, covariance_file)",
                remedy=did_you_mean(data, PUBLISHED),
            )
        return published_points(data), {"data": data}
    is_pair = isinstance(data, Sequence) and len(data) == 2
    if not is_pair or not all(isinstance(file, (str, os.PathLike)) for file in data):
        raise UsageError(
            "bad BAO data",
            got=repr(data),
            expected="the name of a data set, or a pair (mean_file, covariance_file)",
        )
    files = [os.fspath(file) for file in data]
    points = read_points(*map(Path, files))
    if sha256 not in (None, points.sha256):
        raise DataError(
            f"the content of {files[0]} or {files[1]} has changed",
            got=f"SHA-256 {points.sha256[:12]}…",
            expected=f"{sha256[:12]}…",
        )
    return points, {"data": files, "sha256": points.sha256}
