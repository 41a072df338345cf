"""What a check says: an outcome, the number it rests on, and a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class Outcome(StrEnum):
    """Outcomes, best first."""

    PASS = "pass"
    UNKNOWN = "unknown"
    """The check could not tell: too few draws, or not applicable to such input."""
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Verdict:
    """The result of one diagnostic.

    Parameters
    ----------
    name : str
        The diagnostic, and the parameter or quantity in brackets if it is about one.
    outcome : Outcome
    message : str
        One plain sentence that a reader understands without the manual.
    statistic, threshold : float, optional
        The number judged and the number it is judged against.
    p_value : float, optional
        Where the statistic has a null distribution.
    curve : mapping of str to list, optional
        Columns of a curve to draw, for example ``{"alpha": …, "ecp": …, "low": …, "high": …}``.
    at_best : Outcome
        The best outcome that the input allows, whatever the p-value.
    """

    name: str
    outcome: Outcome
    message: str
    statistic: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    curve: Mapping[str, list[float]] = field(default_factory=dict)
    at_best: Outcome = Outcome.PASS

    def __post_init__(self) -> None:
        # Plain numbers only: verdicts are stored as JSON.
        for name in ("statistic", "threshold", "p_value"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else float(value))
        curve = {k: np.asarray(v, dtype=float).tolist() for k, v in self.curve.items()}
        object.__setattr__(self, "curve", curve)
        object.__setattr__(self, "outcome", Outcome(self.outcome))
        object.__setattr__(self, "at_best", Outcome(self.at_best))

    @property
    def passed(self) -> bool:
        """True only for a clear pass: unknown is not a pass."""
        return self.outcome is Outcome.PASS

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def overall(verdicts: Iterable[Verdict]) -> Outcome:
    """The worst outcome of all; UNKNOWN if there are none."""
    order = list(Outcome)
    outcomes = [v.outcome for v in verdicts]
    return max(outcomes, key=order.index) if outcomes else Outcome.UNKNOWN
