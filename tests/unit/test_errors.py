"""Errors are one clear line, survive a process boundary and name the nearest valid name."""

from __future__ import annotations

import pickle

import pytest

from sbiwb import errors
from sbiwb.errors import (
    BusyError,
    DataError,
    InferenceError,
    SbiwbError,
    SimulationError,
    StoreError,
    UsageError,
    did_you_mean,
    unknown_name,
)


def test_message_has_all_parts_in_order():
    error = DataError("bad shape", got=(3,), expected=(4,), remedy="pass four numbers")
    assert str(error) == "bad shape; got (3,); expected (4,); pass four numbers"


def test_message_leaves_out_what_is_not_given():
    assert str(UsageError("bad seed")) == "bad seed"
    assert str(UsageError("bad seed", got=0)) == "bad seed; got 0"


def test_message_is_one_line_whatever_it_quotes():
    error = SimulationError("it\nbroke", got="a\n  b\tc", expected="d\ne", remedy="f\r\ng")
    assert str(error) == "it broke; got a b c; expected d e; f g"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (SbiwbError, 1),
        (UsageError, 2),
        (DataError, 65),
        (SimulationError, 70),
        (InferenceError, 70),
        (StoreError, 74),
        (BusyError, 75),
    ],
)
def test_exit_codes(kind, code):
    assert issubclass(kind, SbiwbError)
    assert kind("x").exit_code == code


def test_every_error_is_listed_above():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, SbiwbError)]
    assert len(kinds) == 7


class TwoArguments(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


@pytest.mark.parametrize("got", [None, 3, TwoArguments("no", "pickle"), lambda: 0])
def test_pickling_keeps_type_and_message(got):
    error = DataError("bad", got=got, expected=[1, 2], remedy="mend it")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is DataError
    assert str(copy) == str(error)
    assert (copy.what, copy.remedy) == ("bad", "mend it")
    assert (copy.got is None) == (got is None)


def test_did_you_mean_finds_the_nearest_name():
    assert did_you_mean("exact+emce", ["npe", "exact+emcee"]) == "did you mean 'exact+emcee'?"
    assert did_you_mean("LCDM", ["lcdm", "wcdm"]) == "did you mean 'lcdm'?"
    assert did_you_mean("om", ["Om", "hrd"]) == "did you mean 'Om'?"
    assert did_you_mean("quantum", ["npe", "nle"]) is None


def test_unknown_name_lists_valid_names_and_the_nearest():
    error = unknown_name("method", "nqe", iter(["npe", "abc"]))
    assert isinstance(error, UsageError)
    assert str(error) == "unknown method; got 'nqe'; expected one of abc, npe; did you mean 'npe'?"


def test_unknown_name_takes_anything_that_was_typed():
    assert str(unknown_name("model", 3, ["lcdm"])).startswith("unknown model; got '3'")
    assert "expected no plugin at all" in str(unknown_name("plugin", "a", []))
