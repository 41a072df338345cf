"""LISA against lisabeta: its own likelihood of data on a grid of frequencies."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("lisabeta")

from lisabeta.lisa import lisa

from sbiwb.simulators.lisa.massive_binary import INJECTION, MassiveBinary
from sbiwb.simulators.lisa.response import CHANNELS, settings, source

# A box about the injection in which ln L varies by some thousands, and the prior itself.
NEAR = {
    name: [value - width, value + width]
    for (name, value), width in zip(
        INJECTION.items(), (2e3, 0.05, 0.1, 0.1, 4e3, 0.2, 0.2, 0.3, 10.0, 0.05, 0.05), strict=True
    )
}


def lisabeta_log_likelihood(binary, theta, x):
    """−½ (d − h|d − h) of lisabeta for the rows of theta."""
    tdi = np.ascontiguousarray(x).view(np.complex128)[..., 0] / binary._weight
    data = {"freq": binary.frequencies, **dict(zip(CHANNELS, tdi, strict=False))}
    start = source(np.array([INJECTION[name] for name in binary.prior.names]))
    likelihood = lisa.LikelihoodLISASMBH_Data(start, data, data_noise_only=False, **settings())
    return np.array([likelihood.lnL(source(row)) for row in theta])


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("ranges", [{}, NEAR], ids=["prior", "near"])
def test_log_likelihood_at_random_points(channels, ranges):
    binary = MassiveBinary(channels, ranges=ranges)
    x = binary.default_observation().x
    theta = binary.prior.sample(6, np.random.default_rng(1))
    normal = 0.5 * x.size * np.log(2 * np.pi)
    ours = binary.log_likelihood(theta, x) + normal
    assert ours == pytest.approx(lisabeta_log_likelihood(binary, theta, x), abs=1e-3)
    assert np.ptp(ours) > 100


def test_a_slip_of_a_tenth_of_a_second_would_be_noticed():
    binary = MassiveBinary(ranges=NEAR)
    x = binary.default_observation().x
    theta = binary.prior.sample(3, np.random.default_rng(1))
    theirs = lisabeta_log_likelihood(binary, theta, x)
    theta[:, binary.prior.names.index("t_c")] += 0.1
    ours = binary.log_likelihood(theta, x) + 0.5 * x.size * np.log(2 * np.pi)
    assert np.abs(ours - theirs).min() > 1e-2
