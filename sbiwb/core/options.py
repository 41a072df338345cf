"""Options of methods, checked where they enter."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Options of a method: unknown names and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
