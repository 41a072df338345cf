"""Results side by side: tables of what they say, how far they are apart and what they cost."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sbiwb.comparison.agreement import Distance, distances, marginals
from sbiwb.comparison.evidence import Evidence, evidences
from sbiwb.comparison.groups import Group, group_results
from sbiwb.core.verdict import Verdict
from sbiwb.errors import UsageError
from sbiwb.reading import Opened, open_all
from sbiwb.result import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Results of one or several problems, side by side.

    Made by `compare`.  Tables are computed when first asked for.

    Parameters
    ----------
    groups : tuple of Group
        One a problem.
    title : str
    """

    groups: tuple[Group, ...]
    title: str

    @cached_property
    def table(self) -> pd.DataFrame:
        """Posterior summaries, one row for each problem, method and parameter.

        Columns: mean, sd, median, q16, q84 and mcse (standard error of the mean), ess and rhat as
        in `Result.summary`, and q025, q975, the ends of the 95 % interval.
        """
        import pandas as pd

        frames = []
        for group in self.groups:
            for method, summary in group.summaries.items():
                frame = summary.rename_axis("parameter").reset_index()
                frame.insert(0, "problem", group.label)
                frame.insert(1, "method", method)
                frames.append(frame)
        return pd.concat(frames).set_index(["problem", "method", "parameter"])

    @cached_property
    def pairs(self) -> Mapping[str, tuple[Distance, ...]]:
        """Problem → distances between the pairs of its methods, the reference's first."""
        return {group.label: tuple(distances(group)) for group in self.groups}

    @property
    def distances(self) -> pd.DataFrame:
        """Distances between methods, one row a pair: the fields of `Distance` and its outcome."""
        import pandas as pd

        rows = [
            {"problem": label, **asdict(pair), "outcome": str(pair.outcome)}
            for label, pairs in self.pairs.items()
            for pair in pairs
        ]
        return pd.DataFrame(rows)

    @cached_property
    def marginals(self) -> pd.DataFrame:
        """Distances between methods in each parameter: shift (σ), ratio of widths, divergence."""
        import pandas as pd

        rows = [
            {"problem": group.label, **asdict(one)}
            for group in self.groups
            for one in marginals(group)
        ]
        return pd.DataFrame(rows)

    @cached_property
    def evidences(self) -> tuple[Evidence, ...]:
        """Evidence of each problem by each method that gives one."""
        return tuple(evidences(self.groups))

    @property
    def evidence(self) -> pd.DataFrame:
        """Evidences, one row each: the fields of `Evidence` and the Bayes factor in words."""
        import pandas as pd

        return pd.DataFrame([{**asdict(e), "words": e.words} for e in self.evidences])

    @cached_property
    def judgements(self) -> Mapping[str, Mapping[str, tuple[Verdict, ...]]]:
        """Problem → method → its verdicts and, last, its agreement with the reference."""
        return {
            group.label: {
                method: (
                    *result.verdicts,
                    *(
                        pair.verdict()
                        for pair in self.pairs[group.label]
                        if (pair.first, pair.second) == (group.reference, method)
                    ),
                )
                for method, result in group.results.items()
            }
            for group in self.groups
        }

    @property
    def verdicts(self) -> pd.DataFrame:
        """What the checks say, one row for each problem, method and check."""
        import pandas as pd

        rows = [
            {
                "problem": label,
                "method": method,
                "check": verdict.name,
                "outcome": str(verdict.outcome),
                "statistic": verdict.statistic,
                "threshold": verdict.threshold,
                "p_value": verdict.p_value,
                "message": verdict.message,
            }
            for label, methods in self.judgements.items()
            for method, verdicts in methods.items()
            for verdict in verdicts
        ]
        return pd.DataFrame(rows)

    @property
    def cost(self) -> pd.DataFrame:
        """Simulator calls, likelihood calls and seconds of each posterior."""
        import pandas as pd

        rows = [
            {"problem": group.label, "method": method, **asdict(result.cost)}
            for group in self.groups
            for method, result in group.results.items()
            if result.origin is None  # files of other programs do not tell
        ]
        return pd.DataFrame(rows)

    @property
    def provenance(self) -> Mapping[str, Mapping[str, dict[str, Any]]]:
        """Problem → method → seed, problem description and what the method recorded of itself."""
        return {
            group.label: {
                method: {
                    **({} if r.origin else {"seed": r.seed}),
                    "problem": r.description,
                    **r.provenance,
                }
                for method, r in group.results.items()
            }
            for group in self.groups
        }

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        command: str = "",
        files: Mapping[str, str | os.PathLike[str]] | None = None,
        notes: Sequence[str] = (),
        interactive: bool = False,
    ) -> Path:
        """Write the comparison as one self-contained HTML file.

        Parameters
        ----------
        path : path
            Where to write; an older file stays until the new one is whole.
        command : str, optional
            What to type to make the results again, shown under provenance.
        files : mapping of str to path, optional
            Files to link to, by the text of the link; links are relative to the report.
        notes : sequence of str, optional
            What a reader must know first, for example which methods failed.
        interactive : bool, optional
            Add corner plots that zoom, drawn by plotly.js within the page, which adds 4.8 MB.

        Returns
        -------
        Path
            `path`.

        Raises
        ------
        StoreError
            If the disk refuses.
        UsageError
            If `interactive` is asked for and plotly is not installed.
        """
        from sbiwb.report.write import write_report

        return write_report(
            self,
            Path(path),
            command=command,
            files=files or {},
            notes=notes,
            interactive=interactive,
        )


def compare(
    results: Sequence[Opened] | Mapping[str, Sequence[Opened]],
    *,
    title: str | None = None,
    parameters: Sequence[str] | None = None,
) -> Comparison:
    """Put results side by side.

    Parameters
    ----------
    results : sequence of Result or path, or mapping of str to such a sequence
        A plain sequence is sorted into problems by simulator, options and data; a mapping gives
        the problems and their names.  Parameters are matched by name.  Paths are files of this
        workbench, its run folders, or draws of other programs, as `sbiwb.read_draws` reads them.
    title : str, optional
        Title of the report; defaults to the names of the problems.
    parameters : sequence of str, optional
        Parameters to show and to compare; by default all.

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError
        If there is nothing to compare, or nothing has a chosen parameter.
    DataError
        If a file cannot be read.
    """
    if isinstance(results, Result):
        raise UsageError("compare takes a list", got="one Result", remedy="write compare([result])")
    opened: Any = (
        {label: open_all(members, parameters=parameters) for label, members in results.items()}
        if isinstance(results, Mapping)
        else open_all(results, parameters=parameters)
    )
    groups = group_results(opened, parameters)
    return Comparison(groups, title or "Posterior of " + ", ".join(g.label for g in groups))
