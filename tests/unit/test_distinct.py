"""A dear function is called once for each distinct row."""

from __future__ import annotations

import numpy as np

from sbiwb.core.distinct import at_distinct


def test_each_distinct_row_is_evaluated_once_in_order():
    asked = []

    def function(theta):
        asked.append(theta.copy())
        return np.stack([theta.sum(axis=1), theta[:, 0]], axis=1)

    theta = np.array([[3.0, 1.0], [1.0, 2.0], [3.0, 1.0], [0.0, 5.0], [1.0, 2.0]])
    value = at_distinct(function, theta)
    assert np.array_equal(value, np.stack([theta.sum(axis=1), theta[:, 0]], axis=1))
    assert len(asked) == 1
    assert np.array_equal(asked[0], [[3.0, 1.0], [1.0, 2.0], [0.0, 5.0]])


def test_no_rows_give_no_values():
    assert at_distinct(lambda theta: theta * 2, np.empty((0, 2))).shape == (0, 2)
