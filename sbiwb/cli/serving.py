"""``sbiwb serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    folder: Annotated[Path, typer.Argument(metavar="RUNS", help="A folder of runs, or one run.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes one that is free.")
    ] = 8765,
    private: Annotated[
        bool, typer.Option("--private", help="Keep out other users of this machine.")
    ] = False,
) -> None:
    """Show runs, their status and their reports in a browser.

    Serves this machine alone and reads only. Prints the address; Ctrl-C ends it.
    """
    from sbiwb.serving import serve as serve_runs

    serve_runs(folder, port, private=private, ready=lambda address: print(address, flush=True))
