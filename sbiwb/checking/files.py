"""Checks of what lies on disk: results, runs, calibration sets and chains of other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from sbiwb import loading
from sbiwb.core.draws import Draws
from sbiwb.core.problem import Problem
from sbiwb.core.verdict import Outcome, Verdict, overall
from sbiwb.diagnostics._suite import check_draws
from sbiwb.errors import DataError, UsageError, did_you_mean
from sbiwb.reading import open_all
from sbiwb.result import Result, make_result, to_array

TRUTH, SAMPLES = "theta", "samples"
BESIDE = (
    "x", "names", "log_prob_theta", "log_prob_samples", "log_likelihood_theta",
    "log_likelihood_samples", "draws", "observed",
)  # fmt: skip
"""Further arrays that a calibration set may hold: arguments of `sbiwb.check_draws`."""


@dataclass(frozen=True)
class Checked:
    """What was found of one posterior or calibration set.

    Parameters
    ----------
    name : str
        The file, and the method where a file has several.
    verdicts : tuple of Verdict
    """

    name: str
    verdicts: tuple[Verdict, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of the verdicts."""
        return overall(self.verdicts)


def check_path(
    path: str,
    *,
    problem: Problem | None = None,
    names: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    burn_in: float | None = None,
    **options: Any,
) -> list[Checked]:
    """Check what lies at a path.

    Parameters
    ----------
    path : str
        A result of the workbench, which is checked and saved with its verdicts; a run folder, which
        is left as it is, and judged anew only if `options` ask for more; a calibration set, an
        ``.npz`` with arrays ``theta`` (N, d) and ``samples`` (L, N, d); or draws of another
        program, as for `sbiwb.compare`.
    problem : Problem, optional
        For draws of another program: the problem that they are said to answer.  Without it only the
        chains themselves can be judged.
    names, rename, burn_in : optional
        For draws of another program, see `sbiwb.read_draws`.
    **options
        Of `sbiwb.check`.

    Returns
    -------
    list of Checked

    Raises
    ------
    DataError
        If the file is missing, damaged or of no known format.
    UsageError
        If parameters of the problem are missing from the draws.
    """
    from sbiwb.checking import applicable, check

    where = Path(path)
    if (where / "run.json").is_file():
        found = []
        for file in loading.run_results(where):
            result = loading.load(file)
            if options or "posterior_predictive" not in result.tree.children:
                result = check(result, **applicable(result, options))
            found.append(Checked(str(file), result.verdicts))
        return found
    # A name in .nc, without a format before it, would be that of a result: loading says it is gone.
    gone = where.suffix == ".nc" and not where.is_file() and ":" not in path
    if gone or loading.is_result(where):
        result = check(loading.load(where, problem), **options)
        result.save(where)
        return [Checked(path, result.verdicts)]
    if (arrays := calibration_set(where)) is not None:
        return [Checked(path, tuple(check_draws(**arrays)))]
    results = open_all([path], names=names, rename=rename, burn_in=burn_in)
    if problem is not None:
        results = [check(posed(result, problem), **options) for result in results]
    return [Checked(path, result.verdicts) for result in results]


def calibration_set(path: Path) -> dict[str, Any] | None:
    """The arrays of a calibration set, as arguments of `sbiwb.check_draws`; None if it is none.

    Raises
    ------
    DataError
        If the file is damaged, or holds arrays that no check knows.
    """
    if path.suffix != ".npz" or not path.is_file():
        return None
    try:
        # Arrays of Python objects are pickles, which can run any code.
        with np.load(path, allow_pickle=False) as file:
            if not {TRUTH, SAMPLES} <= set(file.files) or file[SAMPLES].ndim != 3:
                return None
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise DataError(f"cannot read {path}", got=error, expected="NumPy arrays") from error
    for name in arrays:
        if name not in (TRUTH, SAMPLES, *BESIDE):
            raise DataError(
                f"{path}, a calibration set, holds an array that no check knows",
                got=f"'{name}'",
                expected=f"{TRUTH}, {SAMPLES} and some of {', '.join(BESIDE)}",
                remedy=did_you_mean(name, BESIDE),
            )
    if "names" in arrays:
        return {**arrays, "names": [str(name) for name in arrays["names"]]}
    return arrays


def posed(result: Result, problem: Problem) -> Result:
    """Another program's draws as an answer to a problem, so that all checks can judge them.

    Raises
    ------
    UsageError
        If a parameter of the problem is not among the draws.
    """
    for name in problem.prior.names:
        if name not in result.names:
            raise UsageError(
                f"'{result.method}' has no parameter '{name}' of the problem",
                got=", ".join(result.names),
                expected=", ".join(problem.prior.names),
                remedy=f"say which is which: --rename {result.names[0]}={name}",
            )
    stats = result.tree["sample_stats"].to_dataset()
    log_prob = stats["lp"].transpose("chain", "draw").values if "lp" in stats else None
    provenance = dict(result.provenance)
    provenance["read as"] = provenance.pop("format", "")  # a format would say: of no problem
    draws = Draws(
        to_array(result.posterior, problem.prior.names),
        log_prob,
        independent=bool(int(result.tree.attrs["independent"])),
        log_evidence=result.log_evidence,
        log_evidence_err=result.log_evidence_err,
        stats=provenance.pop("stats", {}),
    )
    box = [[0.0, 1.0]] * problem.prior.dim
    return make_result(
        problem, draws, method=result.method, seed=0, provenance={**provenance, "box": box}
    )
