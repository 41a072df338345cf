"""The command line: one command a file; errors are one line and an exit code.

Modules of commands import only Typer; each command imports what it needs when it runs, so that
``sbiwb --help`` is quick.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

import sbiwb
from sbiwb.cli import (
    benching,
    checking,
    comparing,
    data,
    listing,
    new,
    reporting,
    running,
    serving,
)
from sbiwb.errors import SbiwbError, StoreError
from sbiwb.interruption import EXIT_CODE, terminable

DEBUG = "SBIWB_DEBUG"

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(running.run)
app.command("report")(reporting.report)
app.command("check")(checking.check)
app.command("compare")(comparing.compare)
app.command("serve")(serving.serve)
app.command("bench")(benching.bench)
app.command("list")(listing.list_names)
app.command("data")(data.data)
app.add_typer(new.app, name="new")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        with terminable():
            code = app(args=arguments, prog_name="sbiwb", standalone_mode=False) or 0
            sys.stdout.flush()
    except typer.TyperException as error:
        hint = error.format_message().rstrip(".") + "; sbiwb --help shows what there is"
        return _complain(error, hint, error.exit_code)
    except SbiwbError as error:
        return _complain(error, str(error), error.exit_code)
    except OSError as error:
        message = f"the system refuses; got {error}; {DEBUG}=1 shows where"
        return _complain(error, message, StoreError.exit_code)
    except Exception as error:
        # A fault of the workbench: say so without a page of traceback.
        message = f"unexpected {type(error).__name__}: {error}; {DEBUG}=1 shows the traceback"
        return _complain(error, message, 70)
    if code == EXIT_CODE:  # what Typer makes of a KeyboardInterrupt
        print("sbiwb: interrupted; what is finished is kept", file=sys.stderr)
    return int(code)


def _complain(error: Exception, message: str, code: int) -> int:
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    print(f"sbiwb: error: {' '.join(message.split())}", file=sys.stderr)
    return code


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Simulation-based inference: swap simulators, methods and checks, and compare."""
    if debug:
        os.environ[DEBUG] = "1"
    if version:
        print(sbiwb.__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
