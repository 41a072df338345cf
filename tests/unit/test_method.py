"""Methods by name: parts found, options handed to the part that takes them, errors that help."""

from __future__ import annotations

import pytest

from sbiwb.errors import UsageError
from sbiwb.method import parse_method


def test_a_posterior_estimator_stands_alone():
    method = parse_method("npe", {"steps": 300})
    assert method.sampler is None
    assert method.sampler_options is None
    assert method.estimator.learns == "posterior"
    assert method.estimator_options.steps == 300


def test_a_likelihood_estimator_is_followed_by_a_sampler():
    method = parse_method("nle+emcee", {"steps": 300, "ensembles": 3})
    assert method.estimator.learns == "likelihood"
    assert method.estimator_options.steps == 300
    assert method.sampler_options.ensembles == 3


def test_exact_has_no_estimator():
    method = parse_method("exact+emcee", {"draws": 100})
    assert method.estimator is None
    assert method.estimator_options is None
    assert method.sampler_options.draws == 100


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("nep", "npe"),
        ("NPE", "npe"),
        ("nle_emcee", "nle+emcee"),
        ("exct+emcee", "exact+emcee"),
        ("nle+emce", "emcee"),
        ("exact+emceee", "emcee"),
    ],
)
def test_a_slip_names_the_nearest(name, nearest):
    with pytest.raises(UsageError, match=f"did you mean '{nearest.replace('+', '.')}'"):
        parse_method(name, {})


@pytest.mark.parametrize("name", ["", "+", "+emcee", "magic"])
def test_nonsense_lists_what_there_is(name):
    with pytest.raises(UsageError, match=r"unknown method; .*expected one of .*exact\+emcee.*npe"):
        parse_method(name, {})


def test_npe_takes_no_sampler():
    with pytest.raises(UsageError, match=r"takes no sampler; got 'npe\+emcee'; expected 'npe'"):
        parse_method("npe+emcee", {})


@pytest.mark.parametrize("first", ["nle", "exact"])
def test_a_likelihood_needs_a_sampler(first):
    with pytest.raises(UsageError, match=rf"needs a sampler.*{first}\+emcee"):
        parse_method(first, {})


@pytest.mark.parametrize(
    ("name", "option", "nearest"),
    [
        ("npe", "step", "steps"),
        ("nle+emcee", "walker", "walkers"),
        ("exact+emcee", "draw", "draws"),
    ],
)
def test_an_unknown_option_names_the_nearest(name, option, nearest):
    with pytest.raises(UsageError, match=f"unknown option.*got '{option}'.*mean '{nearest}'"):
        parse_method(name, {option: 1})


def test_an_option_of_a_part_that_is_not_there_is_unknown():
    with pytest.raises(UsageError, match=r"unknown option of exact\+emcee; got 'steps'"):
        parse_method("exact+emcee", {"steps": 100})


@pytest.mark.parametrize(
    ("option", "value"), [("steps", 0), ("steps", "many"), ("flow", "glow"), ("draws", 0.5)]
)
def test_a_bad_value_names_the_option_and_the_value(option, value):
    with pytest.raises(UsageError, match=f"bad option {option} of npe; got {value!r}; expected"):
        parse_method("npe", {option: value})
