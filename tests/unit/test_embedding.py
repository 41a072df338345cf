"""Embedding networks: what projections do not see, in every layout of the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import sbiwb
from sbiwb.errors import UsageError
from sbiwb.estimators._embedding import Embedded, Embedding, check_layout, embed, standardised
from sbiwb.estimators._mixture import AutoregressiveMixture
from sbiwb.estimators._posterior import Features
from sbiwb.execute import simulate
from sbiwb.method import parse_method
from sbiwb.testing import check_estimator


def blob(theta, rng):
    """A spot of either sign in a noisy image; it is nowhere on average."""
    grid = np.linspace(-1, 1, 16)
    a, b = (theta[:, k, np.newaxis, np.newaxis] for k in range(2))
    away = (grid[:, np.newaxis] - a) ** 2 + (grid - b) ** 2
    sign = rng.choice([-1.0, 1.0], (len(theta), 1, 1))
    return sign * np.exp(-away / 0.05) + 0.2 * rng.standard_normal(away.shape)


PRIOR = sbiwb.Prior([sbiwb.Parameter(name, sbiwb.Uniform(-1, 1)) for name in "ab"])
BLOB = sbiwb.simulator(blob, PRIOR, batched=True, output=sbiwb.Output((16, 16)))


def test_convolutions_find_what_projections_do_not(tmp_path):
    held = simulate(BLOB, PRIOR, 300, seed=99)
    found = {}
    for kind in ("none", "cnn"):
        problem = sbiwb.problem(BLOB, held.x[0])
        result = sbiwb.infer(
            problem, "npe", seed=1, budget=2000, steps=600, draws=50, embedding=kind
        )
        found[kind] = result.learned.log_prob(held.theta, held.x)
    # 1.5 nats in a run, and a standard error of 0.1.
    gain = found["cnn"] - found["none"]
    assert gain.mean() > 0.3 + 3 * gain.std() / np.sqrt(len(gain))
    result.save(tmp_path / "blob.nc")
    loaded = sbiwb.load(tmp_path / "blob.nc", problem=problem)
    again = loaded.learned.log_prob(held.theta, held.x)
    assert np.array_equal(again, found["cnn"])


@pytest.mark.parametrize("method", ["npe", "fmpe", "npse"])
def test_estimators_keep_their_contract_with_an_embedding(method):
    small = {"steps": 20, "batch_size": 200, "hidden": 8, "features": 3}
    check_estimator(method, options={**small, "embedding": "mlp"})


@torch.no_grad()
def test_members_behind_an_embedding_are_weighed():
    """One of two is off by twenty, whatever the features: it leaves."""
    torch.manual_seed(1)
    density = AutoregressiveMixture(1, 3, 4, (1, 1))
    density.parts[0].last_bias.view(3, -1)[1] += 20.0
    both = Embedded(density, Embedding({"kind": "mlp", "shape": [5], "features": 2}, 0), 1)
    both.weigh(torch.randn(200, 1), torch.randn(200, 6))
    assert [part.members for part in density.parts] == [0, 1]
    assert density.weights.tolist() == [1.0]


def features(kind, x, n=4):
    recipe = {"kind": kind, "shape": list(x.shape[1:]), "features": n}
    return Features(Embedding(recipe, 0), *standardised(x))


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("mlp", ()),
        ("mlp", (3, 4)),
        ("cnn", (20,)),
        ("cnn", (2, 20)),
        ("cnn", (16, 16)),
        ("cnn", (3, 16, 16)),
        ("set", (5, 2)),
    ],
)
def test_every_layout_gives_features(kind, shape):
    check_layout(kind, shape)
    x = np.random.default_rng(0).standard_normal((6, *shape))
    given = features(kind, x)
    assert given(x).shape == (6, 4)
    assert np.all(np.isfinite(given(x)))
    # One datum repeated is embedded once, with the same features.
    assert np.allclose(given(np.broadcast_to(x[0], (3, *shape))), given(x)[0], atol=1e-6)


def test_a_set_has_no_order():
    x = np.random.default_rng(0).standard_normal((6, 5, 2))
    embedding = features("set", x).embedding
    first, turned = (embed(embedding, y.reshape(6, -1)) for y in (x, x[:, ::-1].copy()))
    assert first == pytest.approx(turned, abs=1e-5)
    ordered = features("mlp", x).embedding
    assert embed(ordered, x.reshape(6, -1)) != pytest.approx(
        embed(ordered, x[:, ::-1].reshape(6, -1)), abs=1e-5
    )


def test_building_one_leaves_global_states_alone():
    import torch

    before = torch.get_rng_state()
    features("cnn", np.zeros((2, 20)))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        ("cnn", (15,), r"cannot see data of this shape; got \(15,\)"),
        ("cnn", (9, 15), "each axis of at least 16"),
        ("cnn", (), "embedding=mlp"),
        ("cnn", (2, 2, 16, 16), "cannot see"),
        ("set", (5,), "needs data with rows"),
    ],
)
def test_data_of_another_shape_are_refused(kind, shape, message):
    with pytest.raises(UsageError, match=message):
        check_layout(kind, shape)


def test_they_are_refused_before_anything_is_simulated():
    def never(theta):
        raise AssertionError("simulated")

    prior = sbiwb.Prior([sbiwb.Parameter("a", sbiwb.Uniform(0, 1))])
    problem = sbiwb.problem(sbiwb.simulator(never, prior, output=sbiwb.Output((15,))), np.zeros(15))
    for method in ("npe", "fmpe", "npse"):
        with pytest.raises(UsageError, match="cannot see data of this shape"):
            sbiwb.infer(problem, method, budget=500, embedding="cnn")


def test_options_are_checked():
    assert parse_method("npe", {}).estimator_options.embedding == "none"
    with pytest.raises(UsageError, match="bad option embedding of npe"):
        parse_method("npe", {"embedding": "rnn"})
