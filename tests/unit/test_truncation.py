"""Truncated rounds: draws that pile up at a wall of the box are found, but no edge of the prior."""

from __future__ import annotations

import numpy as np
import pytest

from sbiwb.core.verdict import Outcome
from sbiwb.diagnostics.truncation import truncation

RNG = np.random.default_rng(0)
WHOLE, CUT = (0.0, 1.0), (0.2, 0.7)
NARROW = np.clip(0.5 + 0.08 * RNG.standard_normal(20_000), 0, 1)
FLAT = RNG.random(20_000)


def judge(*columns, box):
    names = ["a", "b"][: len(columns)]
    return truncation(np.stack(columns, axis=1), box, names)


def test_a_box_that_holds_the_posterior():
    verdict = judge(NARROW, NARROW, box=[CUT, CUT])
    assert verdict.passed
    assert verdict.statistic < 0.002


def test_a_posterior_cut_where_it_is_flat():
    verdict = judge(NARROW, FLAT, box=[CUT, CUT])
    # A flat posterior has 1 % of 20,000 draws in a strip, give or take 14; two strips are tried.
    assert verdict.statistic == pytest.approx(0.01, abs=0.003)
    assert verdict.outcome is not Outcome.PASS
    assert "wall of b" in verdict.message
    assert "fewer rounds or a larger budget" in verdict.message


@pytest.mark.parametrize(
    ("share", "outcome"),
    [(0.001, Outcome.PASS), (0.005, Outcome.WARN), (0.02, Outcome.FAIL)],
)
@pytest.mark.parametrize(("side", "place"), [("lower", 0.005), ("upper", 0.995)])
def test_outcome_by_share_and_side(share, outcome, side, place):
    u = np.full(10_000, 0.5)
    u[: int(share * 10_000)] = place
    verdict = judge(u, box=[CUT])
    assert verdict.outcome is outcome
    assert verdict.statistic == pytest.approx(share)
    if outcome is not Outcome.PASS:
        assert f"{share:.1%} of the draws touch the {side} wall of a" in verdict.message


def test_the_priors_own_edge_is_no_wall():
    heap = np.full(1000, 0.001)
    assert judge(heap, box=[(0.0, 0.5)]).passed
    assert judge(heap, box=[(0.1, 1.0)]).outcome is Outcome.FAIL
    assert judge(1 - heap, box=[(0.1, 1.0)]).passed
    assert judge(FLAT, NARROW, box=[WHOLE, CUT]).passed
