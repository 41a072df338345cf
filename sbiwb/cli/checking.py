"""``sbiwb check``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from sbiwb.cli.comparing import listed, pairs

if TYPE_CHECKING:
    from sbiwb.core.problem import Problem


def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH", help="Results, run folders, calibration sets (.npz) or chains."
        ),
    ],
    calibration: Annotated[
        int | None, typer.Option(min=1, help="Held-out simulations for the calibration checks.")
    ] = None,
    predictive: Annotated[
        int | None, typer.Option(min=1, help="Posterior predictive draws; 200 by default.")
    ] = None,
    information: Annotated[
        int | None, typer.Option(min=1, help="Data for the Fisher information; 100 by default.")
    ] = None,
    profile: Annotated[
        int | None, typer.Option(min=1, help="Points of each profile likelihood; 21 are smooth.")
    ] = None,
    evidence: Annotated[
        int | None, typer.Option(min=1, help="Repeats of nested sampling; 10 tell something.")
    ] = None,
    problem: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of chains: a simulator, or RECIPE or RECIPE:LABEL."),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="A parameter's name in the chains, and here."),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Names in order, for chains that hold none."),
    ] = None,
    burn_in: Annotated[
        float | None,
        typer.Option(metavar="X", help="Start of chains to leave out: a share or a number."),
    ] = None,
) -> None:
    """Check posteriors of any origin, and say in sentences what is wrong.

    Results of the workbench are saved with their verdicts; run folders stay as they are. A
    calibration set holds theta (N, d), samples (L, N, d) and x. Exits with 1 if a check fails.
    """
    from sbiwb.checking.files import check_path
    from sbiwb.core.verdict import Outcome

    numbers = {
        "calibration": calibration,
        "predictive": predictive,
        "information": information,
        "profile": profile,
        "evidence": evidence,
    }
    failed = False
    with ExitStack() as stack:
        posed = None if problem is None else _problem(problem, stack)
        for file in files:
            for found in check_path(
                file,
                problem=posed,
                names=listed(names),
                rename=pairs(rename or []),
                burn_in=burn_in,
                **{name: value for name, value in numbers.items() if value is not None},
            ):
                failed |= found.outcome is Outcome.FAIL
                print(f"{found.name}: {found.outcome}")
                for verdict in found.verdicts:
                    print(f"  {verdict.outcome:8}{verdict.name}: {verdict.message}")
    if failed:
        raise typer.Exit(1)


def _problem(text: str, stack: ExitStack) -> Problem:
    """The problem of a simulator's name, or of a recipe, whose simulators are found meanwhile."""
    from sbiwb import registry
    from sbiwb.config import find_recipe, read_recipe
    from sbiwb.errors import UsageError, unknown_name
    from sbiwb.pipeline.plan import build_problem
    from sbiwb.pipeline.running import simulators_of

    if text in registry.names("simulators"):
        return registry.problem(text)
    name, _, label = text.partition(":")
    recipe = read_recipe(find_recipe(name))
    stack.enter_context(simulators_of(recipe))
    problems = recipe.problems
    if not label and len(problems) > 1:
        raise UsageError(
            f"recipe {name} has several problems",
            expected=f"{name}:LABEL, of {', '.join(problems)}",
        )
    if label and label not in problems:
        raise unknown_name(f"problem of {name}", label, problems)
    return build_problem(problems[label or next(iter(problems))])
