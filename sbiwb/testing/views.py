"""The contract of a simulator's views."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distributions import Array
from sbiwb.core.views import Curves, HasViews, Outlines
from sbiwb.testing.contract import must_not_raise, require
from sbiwb.testing.global_states import must_not_draw_globally


def check_views(simulator: HasViews, subject: str, theta: Array, x: Array) -> None:
    """Check what a simulator shows of draws theta (n, d) beside a datum x."""
    given = theta.copy()
    given.flags.writeable = False
    with must_not_raise(subject, "views"), must_not_draw_globally(subject, "views"):
        views = list(simulator.views(given, x))
    for view in views:
        require(
            isinstance(view, (Curves, Outlines)),
            subject,
            "a view is neither Curves nor Outlines",
            got=type(view).__name__,
        )
        require(view.title, subject, "a view has no title")
        shown = view.curves if isinstance(view, Curves) else view.inside
        require(
            len(view) == len(theta),
            subject,
            f"view '{view.title}' does not show one for each draw",
            got=len(view),
            expected=len(theta),
        )
        require(not np.any(np.isinf(shown)), subject, f"view '{view.title}' is infinite")
    titles = [view.title for view in views]
    require(len(set(titles)) == len(titles), subject, "titles of views repeat", got=titles)
    with must_not_raise(subject, "views of one draw"):
        one = [view.title for view in simulator.views(given[:1], x)]
    require(one == titles, subject, "titles of views depend on the draws", got=one)
