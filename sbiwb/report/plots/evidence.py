"""Evidence of each problem by each method, with error bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from sbiwb.comparison.evidence import Evidence
from sbiwb.report.figure import INK, RULE, drawing, mark, new_figure, only_left_and_bottom, series
from sbiwb.report.svg import svg
from sbiwb.report.text import plain


def evidence_plot(evidences: Sequence[Evidence], methods: Sequence[str]) -> Markup:
    """Draw log-evidences, one row a problem.

    Parameters
    ----------
    evidences : sequence of Evidence
        For the same data.
    methods : sequence of str
        All methods of the report, whose order gives each its look.
    """
    problems = list(dict.fromkeys(e.problem for e in evidences))
    present = [m for m in methods if any(e.method == m for e in evidences)]
    with drawing():
        figure = new_figure(6, 0.9 + 0.32 * len(problems) * max(1, len(present) / 2))
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        only_left_and_bottom(axes)
        for e in evidences:
            look = series(methods.index(e.method))
            shift = (present.index(e.method) - (len(present) - 1) / 2) * 0.7 / len(present)
            axes.errorbar(
                e.log_evidence,
                problems.index(e.problem) + shift,
                xerr=None if math.isnan(e.error) else e.error,
                fmt=look.marker,
                color=look.colour,
                markeredgecolor=INK,
                mew=0.6,
                ms=6,
                capsize=3,
            )
        axes.set_yticks(range(len(problems)), [plain(p) for p in problems])
        axes.set_ylim(len(problems) - 0.4, -0.6)
        axes.margins(x=0.12)
        axes.grid(axis="x", color=RULE, lw=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("ln Z  (better →)")
        mark(axes, across="ln Z")
        values = ", ".join(f"{e.problem} {e.log_evidence:.2f} ({e.method})" for e in evidences)
        return svg(figure, f"Log-evidence of each problem: {values}.")
