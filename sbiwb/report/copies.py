"""Tables as text for elsewhere: CSV with all digits, LaTeX with those that the error bears."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sbiwb.comparison.groups import Group
from sbiwb.report.blocks import Copies
from sbiwb.report.labels import mathematics
from sbiwb.report.numbers import decimals_for
from sbiwb.report.text import clean

if TYPE_CHECKING:
    import pandas as pd

_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    **{c: rf"\{c}" for c in "&%$#_{}"},
}  # fmt: skip
_HEAD = (
    "Parameter", "Method", "Mean", r"$\pm$ MC", "SD", "Median", r"68\,\% interval",
    r"95\,\% interval",
)  # fmt: skip


def csv_copy(of: str, frame: pd.DataFrame, *, index: bool = False) -> Copies:
    """A table of a comparison as CSV."""
    return Copies(of, {"CSV": frame.to_csv(index=index)})


def posterior_copies(group: Group, table: pd.DataFrame) -> Copies:
    """Posterior summaries of a group as CSV and as a LaTeX table in the style of booktabs."""
    rows: list[tuple[str, list[str]]] = []
    for name in group.names:
        for method, summary in group.summaries.items():
            if name in summary.index:
                title = _parameter(group, name) if not rows or rows[-1][0] != name else ""
                rows.append((name, [title, latex(method), *_numbers(summary.loc[name])]))
    text = latex_table(_HEAD, [row for _, row in rows])
    return Copies(f"posterior of {clean(group.label)}", {"CSV": table.to_csv(), "LaTeX": text})


def latex_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A ``tabular`` whose first two columns are text; cells are LaTeX already."""
    lines = [rf"\begin{{tabular}}{{ll{'r' * (len(head) - 2)}}}", r"\toprule"]
    lines += [" & ".join(head) + r" \\", r"\midrule"]
    lines += [" & ".join(row) + r" \\" for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def latex(text: object) -> str:
    """Plain text for LaTeX: nothing in it is a command."""
    return "".join(_SPECIAL.get(c, c) for c in clean(text))


def _parameter(group: Group, name: str) -> str:
    quantity = group.quantity(name)
    shown = mathematics(quantity.label) or latex(name)
    return f"{shown} [{latex(quantity.unit)}]" if quantity.unit else shown


def _numbers(row: pd.Series) -> list[str]:
    """Mean, its Monte Carlo error, SD, median and intervals, to a hundredth of the SD."""
    decimals = decimals_for(row["sd"], digits=3)

    def shown(column: str) -> str:
        places = decimals_for(row[column], digits=1) if column == "mcse" else decimals
        return _number(row[column], places)

    return [
        *(f"${shown(c)}$" for c in ("mean", "mcse", "sd", "median")),
        rf"$[{shown('q16')},\,{shown('q84')}]$",
        rf"$[{shown('q025')},\,{shown('q975')}]$",
    ]


def _number(value: float, decimals: int) -> str:
    """A number with so many decimals; very small and very large ones as powers of ten."""
    if -4 <= decimals <= 6 and abs(value) < 1e7:
        return f"{value:.{max(decimals, 0)}f}"
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if float(mantissa) else "0"
