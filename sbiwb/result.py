"""A result: posterior draws, checks and provenance, as an ArviZ DataTree on disk.

The file is plain NetCDF that ``arviz.from_netcdf`` opens.  Networks, where there are any,
lie beside it as ``<stem>.model.safetensors`` and ``<stem>.model.json``: nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sbiwb.core.distributions import Array
from sbiwb.core.draws import Cost, Draws
from sbiwb.core.prior import Prior
from sbiwb.core.problem import Problem
from sbiwb.core.verdict import Outcome, Verdict, overall
from sbiwb.errors import DataError, StoreError
from sbiwb.rng import stream

if TYPE_CHECKING:
    import pandas as pd

    from sbiwb.estimators.base import LearnedLikelihood, LearnedPosterior

SCHEMA_VERSION = 1
PRIOR_DRAWS = 2000


@dataclass(frozen=True)
class Result:
    """A posterior and everything needed to judge and to repeat it.

    Results are immutable: checks return a new result that carries more groups and verdicts.

    Parameters
    ----------
    tree : xarray.DataTree
        Groups ``posterior``, ``sample_stats``, ``observed_data``, ``prior`` and, once checked,
        ``posterior_predictive`` and ``calibration``.
    problem : Problem, optional
        The problem; absent if it could not be rebuilt from the file.
    learned : LearnedPosterior or LearnedLikelihood, optional
        What the method learned, if it learns.
    """

    tree: xr.DataTree
    problem: Problem | None = None
    learned: LearnedPosterior | LearnedLikelihood | None = None

    # -- what scripts ask for ---------------------------------------------------------------

    @property
    def posterior(self) -> xr.Dataset:
        """Draws: dimensions (chain, draw), one variable a parameter."""
        return self.tree["posterior"].to_dataset()

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names in the order of theta's columns."""
        return tuple(json.loads(self.tree.attrs["parameters"]))

    @property
    def method(self) -> str:
        """The method as it was typed, for example ``nle+emcee``."""
        return str(self.tree.attrs["method"])

    @property
    def origin(self) -> str | None:
        """Format that the draws were read from; None for results of this workbench."""
        origin: str | None = self.provenance.get("format")
        return origin

    @property
    def seed(self) -> int:
        """Root seed; 0 for draws of other programs, which do not tell theirs."""
        return int(self.tree.attrs.get("seed", 0))

    @property
    def log_evidence(self) -> float | None:
        """log p(x), None if the method does not give it."""
        return self._number("log_evidence")

    @property
    def log_evidence_err(self) -> float | None:
        """Standard error of `log_evidence`."""
        return self._number("log_evidence_err")

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What the checks made so far say."""
        return tuple(Verdict(**v) for v in json.loads(self.tree.attrs["verdicts"]))

    @property
    def outcome(self) -> Outcome:
        """The worst of the verdicts."""
        return overall(self.verdicts)

    @property
    def cost(self) -> Cost:
        """Simulator calls, likelihood calls and seconds spent on the posterior."""
        return Cost(**json.loads(self.tree.attrs["cost"]))

    @property
    def description(self) -> dict[str, Any]:
        """The problem, as `Problem.describe` gave it."""
        described: dict[str, Any] = json.loads(self.tree.attrs["problem"])
        return described

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions, options, budget, rounds and sampler statistics."""
        kept: dict[str, Any] = json.loads(self.tree.attrs["provenance"])
        return kept

    @property
    def training_prior(self) -> Prior:
        """The prior the method worked in: the problem's, cut to a box by truncated rounds."""
        low, high = np.array(self.provenance["box"]).T
        return self.require_problem().prior.restrict(low, high)

    def samples(self, n: int | None = None, seed: int = 0) -> Array:
        """Equally weighted draws as an array (n, d); all of them if n is None."""
        whole = to_array(self.posterior, self.names)
        flat = whole.reshape(-1, whole.shape[-1])
        if n is None or n >= len(flat):
            return flat
        rows = stream(seed, "subsample").choice(len(flat), size=n, replace=False)
        return np.asarray(flat[np.sort(rows)])

    def prior_samples(self) -> Array:
        """The draws from the problem's prior that were kept, as an array (n, d)."""
        whole = to_array(self.tree["prior"].to_dataset(), self.names)
        return whole.reshape(-1, whole.shape[-1])

    def summary(self) -> pd.DataFrame:
        """Mean, standard deviation and 68 % interval per parameter, with effective sizes.

        Returns
        -------
        pandas.DataFrame
            One row a parameter: mean, sd, median, q16, q84, mcse (standard error of the mean),
            ess and rhat.
        """
        from sbiwb.summary import summarise

        return summarise(
            to_array(self.posterior, self.names),
            self.names,
            independent=bool(int(self.tree.attrs["independent"])),
            weights=self.provenance.get("stats", {}).get("ess"),
        )

    def require_problem(self) -> Problem:
        """The problem, or a `DataError` that says how to supply it."""
        if self.problem is None:
            raise DataError(
                "the simulator of this result is not to be found",
                got=f"'{self.description.get('simulator', self.method)}'",
                remedy="set SBIWB_SIMULATORS to the folder of its file; if it is a plain function, "
                "pass the problem: sbiwb.load(path, problem=problem)",
            )
        return self.problem

    # -- growing ----------------------------------------------------------------------------

    def with_verdicts(self, verdicts: Iterable[Verdict]) -> Result:
        """Return this result with `verdicts` added; one of the same name is replaced."""
        merged = {v.name: v for v in self.verdicts}
        merged.update({v.name: v for v in verdicts})
        text = json.dumps([v.to_dict() for v in merged.values()])
        return replace(self, tree=with_attrs(self.tree, verdicts=text))

    def with_group(self, name: str, dataset: xr.Dataset) -> Result:
        """Return this result with one more group."""
        groups = {key: node.to_dataset() for key, node in self.tree.children.items()}
        tree = xr.DataTree.from_dict({**groups, name: dataset})
        attrs = {str(key): value for key, value in self.tree.attrs.items()}
        return replace(self, tree=with_attrs(tree, **attrs))

    # -- disk -------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write to `path` (NetCDF), networks beside it; the old file stays until the new is whole.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            tree = self.tree
            # All of it is on the disk before any of it takes the place of what was there.
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
                partial = Path(folder) / path.name
                written = [partial]
                if self.learned is not None:
                    digest, *files = _save_model(partial, *self.learned.state())
                    tree = with_attrs(tree, model_sha256=digest)
                    written = [*files, partial]
                tree.to_netcdf(partial, engine="h5netcdf")
                for file in written:
                    file.replace(path.parent / file.name)
        except OSError as error:
            raise StoreError(f"cannot write {path}", got=error) from error
        return path

    def _number(self, name: str) -> float | None:
        value = float(self.tree.attrs.get(name, np.nan))
        return value if np.isfinite(value) else None


def make_result(
    problem: Problem,
    draws: Draws,
    *,
    method: str,
    seed: int,
    provenance: Mapping[str, Any],
    learned: LearnedPosterior | LearnedLikelihood | None = None,
) -> Result:
    """Build a result from draws."""
    parameters = problem.prior.parameters
    names = problem.prior.names
    prior = problem.prior.sample(PRIOR_DRAWS, stream(seed, "prior draws"))
    units = {p.name: {"units": p.unit, "long_name": p.label} for p in parameters}
    stats = {}
    if draws.log_prob is not None:
        stats["lp"] = xr.DataArray(
            draws.log_prob,
            dims=("chain", "draw"),
            attrs={"normalised": int(draws.normalised)},
        )
    groups = {
        "posterior": from_array(draws.theta, names, units),
        "sample_stats": xr.Dataset(stats),
        "observed_data": xr.Dataset({"x": _data_array(problem.observation.x)}),
        "prior": from_array(prior[np.newaxis], names, units),
    }
    attrs: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "method": method,
        "seed": seed,
        "parameters": json.dumps(names),
        "independent": int(draws.independent),
        "problem": json.dumps(problem.describe()),
        "provenance": json.dumps({**provenance, "stats": dict(draws.stats)}),
        "cost": json.dumps(draws.cost.__dict__),
        "verdicts": "[]",
        "log_evidence": np.nan if draws.log_evidence is None else draws.log_evidence,
        "log_evidence_err": np.nan if draws.log_evidence_err is None else draws.log_evidence_err,
    }
    tree = with_attrs(xr.DataTree.from_dict(groups), **attrs)
    return Result(tree, problem, learned)


def with_attrs(tree: xr.DataTree, **attrs: Any) -> xr.DataTree:
    """Return a copy of `tree` with more attributes; the data are shared."""
    copy = tree.copy()
    copy.attrs.update(attrs)
    return copy


def from_array(
    theta: Array, names: tuple[str, ...], attrs: Mapping[str, dict[str, str]] | None = None
) -> xr.Dataset:
    """Turn draws (chain, draw, d) into a Dataset with one variable a parameter."""
    chains, draws, _ = theta.shape
    coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
    variables = {
        variable_name(name): (("chain", "draw"), theta[..., i], (attrs or {}).get(name, {}))
        for i, name in enumerate(names)
    }
    return xr.Dataset(variables, coords)


def to_array(dataset: xr.Dataset, names: tuple[str, ...]) -> Array:
    """Inverse of `from_array`: (chain, draw, d)."""
    columns = [dataset[variable_name(name)].transpose("chain", "draw").values for name in names]
    return np.stack(columns, axis=-1)


def variable_name(name: str) -> str:
    """The name of a parameter's variable: NetCDF reserves the slash, and draws two dimensions."""
    return f"{name}_" if name in ("chain", "draw") else name.replace("/", "∕")


def read_tree(path: Path) -> xr.DataTree:
    """Read a result's tree into memory.

    Raises
    ------
    DataError
        If the file is missing, damaged or not a result of this workbench.
    """
    if not path.is_file():
        raise DataError("no such result", got=path, expected="a file written by Result.save")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(f"cannot read {path}", got=error, expected="a NetCDF result") from error
    if int(tree.attrs.get("schema_version", 0)) != SCHEMA_VERSION:
        raise DataError(
            f"{path} is not a result that this version reads",
            got=f"schema version {tree.attrs.get('schema_version', 'none')}",
            expected=SCHEMA_VERSION,
        )
    return tree


def read_model(path: Path, sha256: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read the network beside the result at `path`: recipe and weights.

    Raises
    ------
    DataError
        If a file is missing or its hash differs from the one the result names.
    """
    from safetensors.numpy import load

    weights_path, recipe_path = _model_paths(path)
    try:
        blob, text = weights_path.read_bytes(), recipe_path.read_text("utf-8")
    except OSError as error:
        raise DataError(f"the network of {path} cannot be read", got=error) from error
    if _digest(blob, text) != sha256:
        raise DataError(
            f"the network beside {path} is damaged or belongs to another result",
            expected=f"SHA-256 {sha256[:12]}…",
            remedy="run the inference again",
        )
    recipe: dict[str, Any] = json.loads(text)
    return recipe, load(blob)


def _save_model(
    path: Path, recipe: Mapping[str, Any], weights: Mapping[str, Array]
) -> tuple[str, Path, Path]:
    """Write the network beside `path`; its SHA-256 and files."""
    from safetensors.numpy import save

    blob = save({k: np.ascontiguousarray(v) for k, v in weights.items()})
    text = json.dumps(recipe, indent=1, sort_keys=True)
    files = _model_paths(path)
    for target, content in zip(files, (blob, text.encode()), strict=True):
        target.write_bytes(content)
    return _digest(blob, text), *files


def _model_paths(path: Path) -> tuple[Path, Path]:
    return path.with_suffix(".model.safetensors"), path.with_suffix(".model.json")


def _digest(blob: bytes, text: str) -> str:
    return hashlib.sha256(blob + text.encode()).hexdigest()


def _data_array(x: Array) -> xr.DataArray:
    return xr.DataArray(x, dims=tuple(f"x_dim_{k}" for k in range(np.ndim(x))))
