"""Profile likelihoods beside marginals: what the data say, and what the prior adds."""

from __future__ import annotations

from sbiwb.report.blocks import Block, Heading, Prose, Report, Section
from sbiwb.report.plots.profiles import profile_plot
from sbiwb.report.text import clean


def section(report: Report) -> Section | None:
    """Make the section; None if no profile was asked for."""
    blocks: list[Block] = [
        Prose(
            "Black: the likelihood, maximised over all other parameters. Coloured: the marginal "
            "posterior of each method. Where they differ, the prior or the room that other "
            "parameters have moves what is quoted, and the data do not.",
            "quiet",
        )
    ]
    for group in report.groups:
        picture = profile_plot(group)
        if picture is not None:
            blocks += [Heading(clean(group.label))] if len(report.groups) > 1 else []
            blocks.append(picture)
    return Section("profiles", "Profile likelihoods", blocks) if len(blocks) > 1 else None
