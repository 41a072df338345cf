"""The first screen: what the data say, how far the methods agree, and what the checks found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from sbiwb.comparison import Comparison
from sbiwb.comparison.evidence import Evidence
from sbiwb.comparison.groups import Group
from sbiwb.core.verdict import Outcome, Verdict, overall
from sbiwb.report.blocks import (
    Block,
    Cell,
    Entry,
    Heading,
    Items,
    Prose,
    Report,
    Rows,
    Section,
    Table,
    method_cell,
)
from sbiwb.report.checks import WORDS, check_of, columns, in_order, in_sentence, sentence, spoken
from sbiwb.report.labels import symbol
from sbiwb.report.numbers import fixed
from sbiwb.report.quoting import quote
from sbiwb.report.text import clean


def section(report: Report) -> Section:
    """Make the section."""
    blocks: list[Block] = [Prose(text, "alarm") for text in _alarms(report)]
    blocks.extend(Prose(clean(note, 600), "note") for note in report.notes)
    for group in report.groups:
        paragraphs = [
            Prose(_answer(group), "answer"),
            Prose(_trust(group, report.comparison.judgements[group.label])),
            *(Prose(clean(note), "note") for note in group.notes),
        ]
        if len(report.groups) > 1:
            blocks.append(Entry(clean(group.label), paragraphs))
        else:
            blocks.extend(paragraphs)
    preferences = _preferences(report.comparison)
    if preferences:
        blocks.append(Entry("Which model?", [Prose(text) for text in preferences]))
    blocks.append(Heading("Can it be trusted?"))
    blocks.append(_lights(report))
    reasons = _reasons(report)
    if reasons:
        blocks.append(Items(reasons))
    return Section("answer", "Result", blocks)


def _alarms(report: Report) -> list[str]:
    """Problems whose observation is no possible datum: methods that learn draw all the same."""
    alarms = []
    for group in report.groups:
        found = {
            method: verdict
            for method, verdicts in report.comparison.judgements[group.label].items()
            for verdict in verdicts
            if verdict.name == "prior_predictive" and verdict.outcome is Outcome.FAIL
        }
        if found:
            where = f"{clean(group.label)}: " if len(report.groups) > 1 else ""
            why = sentence(next(iter(found.values()))).rstrip(".")
            alarms.append(
                f"{where}{why}. Do not trust the posteriors of {', '.join(map(clean, found))}."
            )
    return alarms


def _answer(group: Group) -> Markup:
    names = [n for n in group.names if n in group.results[group.reference].names]
    # A comma stays with what it follows where lines break.
    commas = [","] * (len(names) - 1) + [""]
    quoted = [
        Markup('<span class="quoted">{}{}</span>').format(_quoted(group, name), comma)
        for name, comma in zip(names, commas, strict=True)
    ]
    return Markup('{} <span class="by">by {}, median and 68 % interval</span>').format(
        Markup(" ").join(quoted), clean(group.reference)
    )


def _quoted(group: Group, name: str) -> Markup:
    said, quantity = quote(group, name), group.quantity(name)
    text = Markup("{} {} {}").format(symbol(quantity), said.relation, said.value)
    if quantity.unit:
        text += f" {clean(quantity.unit)}"
    return text + (f" ({said.remark})" if said.remark else "")


def _trust(group: Group, judgements: Mapping[str, tuple[Verdict, ...]]) -> str:
    """Say how many methods agree and which checks did not pass."""
    sentences = []
    others = [m for m in group.methods if m != group.reference]
    agreeing = [m for m in others if _agreement(judgements[m]) is Outcome.PASS]
    if others:
        dissent = [m for m in others if m not in agreeing]
        if not dissent:
            everyone = "Both" if len(others) == 1 else f"All {len(group.methods)}"
            sentences.append(f"{everyone} methods agree.")
        else:
            words = ", ".join(f"{clean(m)} {_DISSENT[_agreement(judgements[m])]}" for m in dissent)
            if agreeing:
                how_many = f"{len(agreeing) + 1} of {len(group.methods)} methods agree; "
                sentences.append(f"{how_many}{words}.")
            else:
                sentences.append(f"Held against {clean(group.reference)}, {words}.")
    own = {m: [v for v in vs if v.name != "agreement"] for m, vs in judgements.items()}
    if not any(own.values()):
        sentences.append("No checks were made.")
    for outcome, words in ((Outcome.FAIL, "{} fails {}."), (Outcome.WARN, "Warning for {}: {}.")):
        for method, verdicts in own.items():
            checks = in_order(v for v in verdicts if v.outcome is outcome)
            if checks:
                titles = ", ".join(in_sentence(c) for c in checks)
                sentences.append(words.format(clean(method), titles))
    unchecked = [clean(m) for m, vs in own.items() if not vs]
    if unchecked and len(unchecked) < len(own):
        sentences.append(f"No checks were made of {', '.join(unchecked)}.")
    if any(own.values()) and all(v.outcome is Outcome.PASS for vs in own.values() for v in vs):
        sentences.append("All checks passed.")
    return " ".join(sentences)


_DISSENT = {
    Outcome.WARN: "is close",
    Outcome.FAIL: "differs",
    Outcome.UNKNOWN: "cannot be judged",
}


def _agreement(verdicts: tuple[Verdict, ...]) -> Outcome:
    return overall(v for v in verdicts if v.name == "agreement")


def _preferences(comparison: Comparison) -> list[str]:
    """Which problem the evidence prefers, for each data set that several explain."""
    rivals = [e for e in comparison.evidences if e.words]
    return [
        _preference([e for e in rivals if e.data == data])
        for data in dict.fromkeys(e.data for e in rivals)
    ]


def _preference(rivals: list[Evidence]) -> str:
    """Say it by the method that knows best: an exact one, then the one of the least error."""
    chosen = min(rivals, key=lambda e: (not e.method.startswith("exact+"), e.error)).method
    entries = [e for e in rivals if e.method == chosen]
    best = max(entries, key=lambda e: e.log_evidence)
    others = [e for e in entries if e is not best]
    against = "; ".join(f"over {clean(e.problem)} by {_margin(e)}" for e in others)
    return f"The evidence ({clean(chosen)}) is highest for {clean(best.problem)}: {against}."


def _margin(e: Evidence) -> str:
    error = f" ± {fixed(e.difference_error, 2)}" if np.isfinite(e.difference_error) else ""
    return f"Δ ln Z = {fixed(-e.difference, 2)}{error}, {e.words}"


def _lights(report: Report) -> Table:
    judgements = report.comparison.judgements
    table = columns(v for methods in judgements.values() for vs in methods.values() for v in vs)
    body = []
    for group in report.groups:
        rows = []
        for method, verdicts in judgements[group.label].items():
            cells = [method_cell(group, method), _light(verdicts, "no checks")]
            for checks in table.values():
                own = tuple(v for v in verdicts if check_of(v) in checks)
                is_reference = "agreement" in checks and method == group.reference
                cells.append(_light(own, "reference" if is_reference else "–"))
            rows.append(cells)
        body.append(Rows(rows, clean(group.label) if len(report.groups) > 1 else ""))
    head = [Cell("Method"), Cell("Overall"), *(Cell(title) for title in table)]
    caption = "Checks of each method; – where a check does not apply or was not made"
    return Table(caption, head, body)


def _light(verdicts: tuple[Verdict, ...], otherwise: str) -> Cell:
    if not verdicts:
        return Cell(otherwise)
    outcome = overall(verdicts)
    return Cell(WORDS[outcome], outcome=outcome)


def _reasons(report: Report) -> list[Markup]:
    """Why a light is not green, worst first."""
    order = list(Outcome)
    found = [
        (-order.index(v.outcome), label, method, v)
        for label, methods in report.comparison.judgements.items()
        for method, verdicts in methods.items()
        for v in verdicts
        if v.outcome is not Outcome.PASS
    ]
    several = len(report.groups) > 1
    return [
        Markup('<span class="light {}">{}</span> <b>{}{}, {}</b>: {}').format(
            str(v.outcome),
            WORDS[v.outcome],
            f"{clean(label)}, " if several else "",
            clean(method),
            spoken(v),
            sentence(v),
        )
        for _, label, method, v in sorted(found, key=lambda f: f[0])
    ]
