"""Text of any origin, made fit to be shown."""

from __future__ import annotations

LONGEST = 200


def plain(text: object, longest: int = 48) -> str:
    """Make any text safe to hand to Matplotlib, to be drawn letter by letter."""
    return clean(text, longest).replace("$", r"\$")


def clean(text: object, longest: int = LONGEST) -> str:
    """Join lines and replace what cannot be printed; text longer than `longest` is cut."""
    joined = " ".join(str(text).split())
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in joined)
    return printable if len(printable) <= longest else printable[: longest - 1] + "…"
