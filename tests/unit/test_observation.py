"""Observations are finite arrays of the simulator's shape, known by the hash of their numbers."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from sbiwb import Observation, Output
from sbiwb.core.observation import check_observation
from sbiwb.errors import DataError


@pytest.mark.parametrize(
    ("x", "shape"),
    [([1, 2, 3], (3,)), (2.5, ()), ([[1.0, 2.0]], (1, 2)), ([True, False], (2,))],
)
def test_good_observations_become_float64(x, shape):
    checked = check_observation(x, Output(shape))
    assert checked.dtype == np.float64
    assert np.array_equal(checked, x)


def test_the_array_is_a_copy():
    x = np.zeros(2)
    check_observation(x, Output((2,)))[0] = 1.0
    assert x[0] == 0.0


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, 2.0], r"wrong shape; got \(2,\); expected \(3,\)"),
        ([[1.0, 2.0, 3.0]], r"wrong shape; got \(1, 3\)"),
        (1.0, r"wrong shape; got \(\)"),
        ([1.0, np.nan, np.inf], "NaN or infinite values; got 2 of 3, first at flat index 1"),
        (["a", "b", "c"], "not numeric; got <U1 data"),
        (["1", "2", "3"], "not numeric; got <U1 data"),
        ([None, 1.0, 2.0], "not numeric; got object data"),
        ([1j, 0.0, 0.0], "not numeric; got complex128 data"),
        ([[1.0], [1.0, 2.0], 3.0], "not an array"),
    ],
)
def test_bad_observations_are_refused_in_one_line(x, message):
    with pytest.raises(DataError, match=message) as caught:
        check_observation(x, Output((3,)))
    assert "\n" not in str(caught.value)


def test_hash_is_of_the_numbers():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    expected = hashlib.sha256(x.tobytes()).hexdigest()
    assert Observation(x).sha256 == expected
    assert Observation(x.astype(int), name="other", source="file").sha256 == expected
    assert Observation(x.astype(">f8")).sha256 == expected
    assert Observation(np.asfortranarray(x)).sha256 == expected
    assert Observation(x + 1e-15).sha256 != expected
