"""Posteriors of any origin: draws that other programs left on disk, as results."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from sbiwb import registry
from sbiwb.errors import DataError, SbiwbError, UsageError, did_you_mean, unknown_name
from sbiwb.loading import is_result, load, run_results
from sbiwb.readers._columns import require_distinct
from sbiwb.readers._result import Source, as_result
from sbiwb.readers.base import DAMAGE, Chain, Column, Reader, ReadOptions, Table
from sbiwb.result import Result

Opened = Result | str | os.PathLike[str]


def read_draws(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    name: str | None = None,
    parameters: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    burn_in: float | None = None,
) -> Result:
    """Read posterior draws that another program left on disk.

    Parameters
    ----------
    path : path
        A file, or the common root of several chains.
    format : str, optional
        A reader that ``sbiwb list readers`` shows; by default it is recognised by content.
    name : str, optional
        Name in tables and figures; by default that of the file.
    parameters : sequence of str, optional
        Parameters to keep, derived ones too; by default those that were sampled.
    names : sequence of str, optional
        Parameter names in order, for formats that hold none.
    rename : mapping of str to str, optional
        Name in the file → name to use.
    burn_in : float, optional
        Start of each chain to leave out: a share below 1, or a number of steps.

    Returns
    -------
    Result
        Equally weighted draws, with the checks of convergence that they allow.  It knows no
        problem, prior or data.

    Raises
    ------
    DataError
        If the file is missing, damaged or of no known format, or its draws are of no use.
    UsageError
        If an option does not apply, or a parameter is not there.
    """
    options = ReadOptions(None if names is None else tuple(names), burn_in)
    source = open_source(Path(path), format, options, name=name)
    return as_result(source.renamed(_known(rename or {}, [source])), parameters)


def from_draws(
    draws: ArrayLike | Mapping[str, ArrayLike],
    names: Sequence[str] | None = None,
    *,
    name: str = "draws",
    weights: ArrayLike | None = None,
    log_prob: ArrayLike | None = None,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    independent: bool = False,
) -> Result:
    """Make a result of posterior draws in memory, to compare it with others.

    Parameters
    ----------
    draws : array, shape (n, d) or (chain, draw, d), or mapping of str to array (n,)
    names : sequence of str, optional
        Parameter names, unless `draws` is a mapping.
    name : str
        Name in tables and figures.
    weights, log_prob : array, shape (n,) or (chain, draw), optional
    labels, units : mapping of str to str, optional
        LaTeX without dollar signs, and units.
    independent : bool
        Whether neighbours are independent; if False their effective size is estimated.

    Returns
    -------
    Result

    Raises
    ------
    DataError
        If shapes do not fit, or the draws are of no use.
    """
    try:
        if isinstance(draws, Mapping):
            names, draws = list(draws), np.stack([np.asarray(v) for v in draws.values()], axis=-1)
        theta = np.asarray(draws, dtype=np.float64)
        theta = theta[np.newaxis] if theta.ndim == 2 else theta
        beside = [
            None if a is None else np.asarray(a, dtype=np.float64).reshape(theta.shape[:2])
            for a in (weights, log_prob)
        ]
    except (ValueError, TypeError) as error:
        raise DataError("draws and what belongs to them do not fit", got=error) from error
    if theta.ndim != 3 or names is None or theta.shape[-1] != len(names):
        raise DataError(
            "draws do not fit their names",
            got=f"shape {np.shape(draws)} and {0 if names is None else len(names)} names",
            expected="(n, d) or (chain, draw, d), and d names",
        )
    require_distinct(names, f"'{name}'")
    table = Table(
        tuple(Column(n, (labels or {}).get(n, ""), (units or {}).get(n, "")) for n in names),
        tuple(
            Chain(values, *(None if b is None else b[k] for b in beside))
            for k, values in enumerate(theta)
        ),
        "independent" if independent else "chain",
        (),
    )
    return as_result(Source(name, "array", table))


def open_all(
    given: Sequence[Opened],
    *,
    parameters: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    burn_in: float | None = None,
) -> list[Result]:
    """Open results of the workbench, its run folders, and draws of any other origin.

    Parameters
    ----------
    given : sequence of Result, str or path
        Results stay what they are.  A text is a path, ``FORMAT:PATH`` where the format is not
        recognised, or ``NAME=PATH`` for another name than the file's.
    parameters : sequence of str, optional
        Parameters to keep of other programs' draws.  By default those that they sampled, and
        derived ones that another of the posteriors has.
    names, rename, burn_in : optional
        As for `read_draws`, for every file that they mean something for.

    Returns
    -------
    list of Result

    Raises
    ------
    DataError
        If a file is missing or damaged.
    UsageError
        If an option applies to none of the files.
    """
    opened: list[Result | Source] = []
    seen: list[tuple[tuple[Path, ...], Path]] = []
    unused = {k for k, v in (("names", names), ("burn_in", burn_in)) if v is not None}
    if isinstance(given, (str, os.PathLike)):
        raise UsageError("compare takes a list", got=given, remedy=f"write compare(['{given}'])")
    for one in given:
        if isinstance(one, Result):
            opened.append(one)
            continue
        label, chosen, path = _parts(one)
        own = None if chosen else _own(path)
        if own is not None:
            if label is not None:
                raise UsageError(
                    "results of the workbench are called by their method", got=one, expected=path
                )
            opened.extend(own)
            continue
        chosen = chosen or recognise(path)
        reader = registry.reader(chosen)
        own_names = names if names is not None and _needs_names(reader, path) else None
        options = ReadOptions(
            None if own_names is None else tuple(own_names), burn_in if reader.burns_in else None
        )
        unused -= {k for k in ("names", "burn_in") if getattr(options, k) is not None}
        source = open_source(path, chosen, options, name=label)
        # Each chain of a root stands for the whole root, as when a shell expands root_*.txt.
        if all(files != source.table.files or at == path for files, at in seen):
            opened.append(source)
        seen.append((source.table.files, path))
    if unused:
        raise UsageError(
            f"--{min(unused).replace('_', '-')} means nothing for these files",
            got=", ".join(str(one) for one in given if not isinstance(one, Result)),
            remedy="leave it out",
        )
    renamed = _known(rename or {}, [s for s in opened if isinstance(s, Source)])
    opened = [s.renamed(renamed) if isinstance(s, Source) else s for s in opened]
    wanted = list(parameters or dict.fromkeys(n for s in opened for n in _shown(s)))
    return [as_result(s, _wanted(s, wanted)) if isinstance(s, Source) else s for s in opened]


def _needs_names(reader: Reader, path: Path) -> bool:
    try:
        return reader.needs_names(path)
    except DAMAGE:  # said when it is read
        return False


def _shown(opened: Result | Source) -> Sequence[str]:
    return opened.shown if isinstance(opened, Source) else opened.names


def _wanted(source: Source, wanted: Sequence[str]) -> list[str]:
    kept = [name for name in source.names if name in wanted]
    if not kept:
        raise UsageError(
            f"'{source.name}' has none of the parameters",
            got=", ".join(source.names),
            expected=", ".join(wanted),
            remedy=f"say which is which: --rename {source.names[0]}={wanted[0]}",
        )
    return kept


def _parts(given: str | os.PathLike[str]) -> tuple[str | None, str | None, Path]:
    """Name, format and path of ``NAME=FORMAT:PATH``; a file of that very name goes first."""
    if not isinstance(given, (str, os.PathLike)):
        raise UsageError(
            "not a result", got=type(given).__name__, expected="a Result, or the path of one"
        )
    if not isinstance(given, str) or Path(given).exists():
        return None, None, Path(given)
    name, equals, rest = given.partition("=")
    if not equals:
        name, rest = "", given
    prefix, colon, path = rest.partition(":")
    if not colon or "/" in prefix:
        return name or None, None, Path(rest)
    if prefix not in registry.names("readers"):
        raise unknown_name("format", prefix, registry.names("readers"))
    return name or None, prefix, Path(path)


def _own(path: Path) -> list[Result] | None:
    """Results of the workbench, from a file or a run folder; None if it is neither."""
    if (path / "run.json").is_file():
        return [load(file, network=False) for file in run_results(path)]
    if path.is_dir():
        raise DataError(
            "this folder is no run of the workbench", got=path, expected="a file or a run folder"
        )
    return [load(path, network=False)] if is_result(path) else None


def open_source(
    path: Path, format: str | None, options: ReadOptions, *, name: str | None = None
) -> Source:
    """Read a file by the reader of that name, or by the one that recognises it.

    Raises
    ------
    DataError
        If no reader or several recognise it, or it is damaged.
    UsageError
        If the reader has no use for an option.
    """
    chosen = format or recognise(path)
    reader = registry.reader(chosen)
    burn_in = options.burn_in
    if burn_in is not None and not (math.isfinite(burn_in) and burn_in >= 0):
        raise UsageError("bad burn-in", got=burn_in, expected="a share or number ≥ 0")
    if burn_in is not None and not reader.burns_in:
        raise UsageError(
            f"{path}, read as {chosen}, has no start to leave out", remedy="leave --burn-in out"
        )
    try:
        if options.names is not None and not reader.needs_names(path):
            raise UsageError(
                f"{path} holds the names of its parameters", remedy="use --rename OLD=NEW"
            )
        table = reader.read(path, options)
    except SbiwbError:
        raise
    except DAMAGE as error:
        raise DataError(
            f"cannot read {path} as {chosen}; it may be damaged",
            got=f"{type(error).__name__}: {error}",
            remedy=f"if it is of another format, write FORMAT:{path}",
        ) from error
    return Source(name or _stem(path), chosen, table)


def recognise(path: Path) -> str:
    """Name of the one reader that recognises the content at `path`.

    Raises
    ------
    DataError
        If there is none, or more than one.
    """
    known = registry.names("readers")
    found = [name for name in known if registry.reader(name).recognises(path)]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"{path} could be read in several ways",
            got=" and ".join(found),
            remedy=f"write {' or '.join(f'{name}:{path}' for name in found)}",
        )
    if not path.exists():
        raise DataError("no such result", got=path, expected="a file, or the root of chains")
    raise DataError(
        f"the format of {path} is not recognised",
        expected=f"one of {', '.join(known)}",
        remedy=f"if it is one of these, write FORMAT:{path}",
    )


def _known(rename: Mapping[str, str], sources: Sequence[Source]) -> dict[str, str]:
    """`rename`, once each old name is known to exist somewhere."""
    there = list(dict.fromkeys(name for source in sources for name in source.names))
    for old in rename:
        if old not in there:
            raise UsageError(
                "no such parameter to rename",
                got=f"'{old}'",
                expected=f"one of {', '.join(there)}",
                remedy=did_you_mean(old, there),
            )
    return dict(rename)


def _stem(path: Path) -> str:
    """A file's name without what says its format."""
    return re.sub(_ENDINGS, "", path.name) or str(path)


_ENDINGS = re.compile(
    r"(\.(json|hdf5|h5|nc|csv|tsv|txt|dat|npz|npy|paramnames)(\.gz)?|\.(updated|input)\.yaml"
    r"|[._]\d+\.(txt|csv))$"
)
