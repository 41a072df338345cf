"""Draws of other programs come in whole: their numbers, weights, names, labels and bounds."""

from __future__ import annotations

import gzip

import foreign_files as files
import numpy as np
import pytest
from foreign_files import CHAINS, COUNTS, NAMES, draws

import sbiwb
from sbiwb.readers._weights import effective_size, equal_rows
from sbiwb.reading import open_all


def weighted_mean():
    values, weights = np.concatenate(CHAINS), np.concatenate(COUNTS)
    return np.average(values, axis=0, weights=weights)


# -- every format -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "name", "parameters"),
    [
        (lambda f: files.write_csv(f / "a.csv", CHAINS[0]), "a", NAMES),
        (lambda f: files.write_npz(f / "b.npz", CHAINS[0]), "b", NAMES),
        (lambda f: files.write_bilby(f / "c.json", CHAINS[0]), "c", NAMES),
        (lambda f: files.write_bilby(f / "c.hdf5", CHAINS[0], text_column=False), "c", NAMES),
        (
            lambda f: files.write_arviz(f / "d.nc", CHAINS[0].reshape(3, 100, 2)),
            "d",
            ("Om", "v[0]"),
        ),
        (
            lambda f: files.write_arviz(f / "d.nc", CHAINS[0].reshape(3, 100, 2), old=True),
            "d",
            ("Om", "v[0]"),
        ),
        (lambda f: files.write_getdist(f / "e.1", CHAINS[:1]), "e.1", NAMES),
        (lambda f: files.write_cobaya(f / "g", CHAINS[:1]), "g", NAMES),
        (lambda f: files.write_cmdstan(f / "h", CHAINS[:1]), "h", ("Om", "v[1]")),
    ],
)
def test_unweighted_draws_arrive_as_they_are(tmp_path, write, name, parameters):
    result = sbiwb.read_draws(write(tmp_path))
    assert (result.method, result.names) == (name, parameters)
    np.testing.assert_allclose(result.samples(), CHAINS[0], rtol=1e-12)
    assert result.problem is None
    assert result.provenance["sha256"]


def test_counts_are_written_out_and_all_chains_of_a_root_are_read(tmp_path):
    for root in (
        files.write_getdist(tmp_path / "gd", CHAINS, weights=COUNTS),
        files.write_cobaya(tmp_path / "co", CHAINS, weights=COUNTS),
    ):
        result = sbiwb.read_draws(root)
        assert result.posterior.sizes["chain"] == 2
        # Chains of unequal length are cut into equal pieces: one draw may be left over.
        total = int(sum(w.sum() for w in COUNTS))
        assert len(result.samples()) == total // 2 * 2
        sd = np.std(np.concatenate(CHAINS), axis=0)
        assert np.all(np.abs(result.samples().mean(axis=0) - weighted_mean()) < 5 * sd / total)
        assert [v.name for v in result.verdicts] == ["rhat", "ess", "autocorrelation"]


def test_labels_and_bounds_are_read(tmp_path):
    roots = [
        files.write_getdist(tmp_path / "gd", CHAINS),
        files.write_cobaya(tmp_path / "co", CHAINS),
        files.write_bilby(tmp_path / "bi.json", CHAINS[0]),
    ]
    found = {}
    for root in roots:
        group = sbiwb.compare([root]).groups[0]
        found[root.name] = [group.quantity(name) for name in NAMES]
    om, h0 = found["gd"]
    assert (om.label, om.support) == (r"\Omega_m", (-np.inf, 5.0))
    assert (h0.label, h0.support) == ("H_0", (20.0, 100.0))
    om, h0 = found["co"]
    assert (om.label, om.support) == (r"\Omega_\mathrm{m}", (0.1, 0.9))
    assert (h0.label, h0.support) == ("H_0", (-np.inf, np.inf))
    om, h0 = found["bi.json"]
    assert (om.label, om.unit, om.support) == (r"\Omega_m", "none", (0.0, 1.0))
    result = sbiwb.read_draws(roots[2])
    assert (result.log_evidence, result.log_evidence_err) == (-3.2, 0.1)


def test_a_root_or_any_of_its_files_reads_the_same(tmp_path):
    files.write_getdist(tmp_path / "gd", CHAINS)
    files.write_cobaya(tmp_path / "co", CHAINS)
    for root, beside in (
        ("gd", ["gd_1.txt", "gd_2.txt", "gd.paramnames"]),
        ("co", ["co.1.txt", "co.2.txt", "co.updated.yaml"]),
    ):
        whole = sbiwb.read_draws(tmp_path / root)
        for name in beside:
            other = sbiwb.read_draws(tmp_path / name)
            assert other.method == root
            np.testing.assert_array_equal(other.samples(), whole.samples())
        assert len(open_all([tmp_path / name for name in beside])) == 1


def test_counts_too_many_to_write_out_keep_each_chain_s_share(tmp_path):
    chains = [draws(1, 300), draws(2, 300, shift=9.0)]
    weights = [np.full(300, 1e6), np.full(300, 1.0)]
    result = sbiwb.read_draws(files.write_getdist(tmp_path / "gd", chains, weights=weights))
    # The second chain has a millionth of the weight.
    assert result.samples()[:, 0].max() <= chains[0][:, 0].max()


def test_fractional_weights_are_resampled_and_their_cost_is_said(tmp_path):
    theta = draws(3, 2000)
    weight = np.random.default_rng(4).exponential(size=2000)
    result = sbiwb.read_draws(files.write_csv(tmp_path / "w.csv", theta, weight=weight))
    error = np.std(theta, axis=0) / np.sqrt(effective_size(weight))
    expected = np.average(theta, axis=0, weights=weight)
    # Systematic resampling adds at most 7 % of the Monte Carlo error (1σ); here three times that.
    assert np.all(np.abs(result.samples().mean(axis=0) - expected) < 0.21 * error)
    assert result.summary()["ess"].iloc[0] == pytest.approx(effective_size(weight))
    # The planted fault: the weights ignored.  The mean of the weighted draws is off by far more.
    tilted = theta[:, 0] - theta[:, 0].min()
    path = files.write_csv(tmp_path / "t.csv", theta, weight=tilted / tilted.max())
    shifted = sbiwb.read_draws(path).samples()[:, 0].mean()
    assert shifted - theta[:, 0].mean() > 5 * error[0]


def test_nested_sampling_chains_are_independent(tmp_path):
    weight = np.random.default_rng(4).exponential(size=300)
    root = files.write_getdist(tmp_path / "n", [draws(1, 300)], weights=[weight])
    result = sbiwb.read_draws(root)
    assert result.summary()["ess"].iloc[0] == pytest.approx(effective_size(weight))
    counted = files.write_getdist(tmp_path / "m", [draws(1, 300)], weights=[np.ones(300) * 2])
    (tmp_path / "m.properties.ini").write_text("label = x\nsampler = nested\n")
    assert sbiwb.read_draws(counted).summary()["ess"].iloc[0] == pytest.approx(300)


def test_emcee_leaves_out_what_the_walkers_remember(emcee_file):
    result = sbiwb.read_draws(emcee_file, names=["a", "b"])
    # Walkers start ten widths away; 300 steps are too few, which is said.
    assert result.samples().max() < 8
    assert "left out; autocorrelation time" in result.provenance["burn-in"]
    assert "autocorrelation times long" in result.provenance["warnings"]
    assert result.posterior.sizes["chain"] == 8
    everything = sbiwb.read_draws(emcee_file, names=["a", "b"], burn_in=0)
    assert everything.samples().max() > 9
    assert everything.posterior.sizes["draw"] == 300
    for burn_in in (0.5, 150):
        half = sbiwb.read_draws(emcee_file, names=["a", "b"], burn_in=burn_in)
        assert half.posterior.sizes["draw"] == 150


def test_saved_warm_up_of_stan_is_left_out(tmp_path):
    result = sbiwb.read_draws(files.write_cmdstan(tmp_path / "s", [draws(1, 300)], warmup=100))
    np.testing.assert_allclose(result.samples(), draws(1, 300)[100:])


def test_burn_in_of_chains(tmp_path):
    root = files.write_getdist(tmp_path / "gd", [draws(1, 300)])
    np.testing.assert_allclose(sbiwb.read_draws(root, burn_in=0.3).samples(), draws(1, 300)[90:])


@pytest.mark.parametrize(
    "text",
    [
        "# by hand\nOm,H0\n{rows}",
        "# Om H0\n{rows}",
        '"Om" ; "H0"\n{rows}',
        "Om\tH0\n# a comment in between\n{rows}  # and one behind",
        "\ufeffOm,H0\r\n{rows}",
    ],
)
def test_tables_of_text(tmp_path, text):
    theta = draws(1, 50)
    comma = "," if "," in text.partition("{")[0] else " "
    comma = ";" if ";" in text else "\t" if "\t" in text else comma
    rows = "\n".join(comma.join(map(repr, map(float, row))) for row in theta)
    (tmp_path / "a.csv").write_text(text.format(rows=rows), "utf-8")
    result = sbiwb.read_draws(tmp_path / "a.csv")
    assert result.names == NAMES
    np.testing.assert_allclose(result.samples(), theta)


def test_chains_and_densities_in_a_table(tmp_path):
    theta = draws(1, 60)
    frame = np.column_stack([np.repeat([0, 1], 30), np.tile(np.arange(30), 2), theta, theta[:, 0]])
    names = ("chain", "draw", *NAMES, "log_prob")
    result = sbiwb.read_draws(files.write_csv(tmp_path / "a.csv", frame, names=names))
    assert result.names == NAMES
    assert dict(result.posterior.sizes) == {"chain": 2, "draw": 30}
    np.testing.assert_allclose(result.tree["sample_stats"]["lp"].values.ravel(), theta[:, 0])


def test_plain_and_structured_arrays(tmp_path):
    theta = draws(1, 60)
    np.save(tmp_path / "plain.npy", theta.reshape(2, 30, 2))
    result = sbiwb.read_draws(tmp_path / "plain.npy", names=NAMES)
    assert dict(result.posterior.sizes) == {"chain": 2, "draw": 30}
    structured = np.zeros(60, dtype=[("Om", "f8"), ("weight", "f4"), ("H0", "i8")])
    structured["Om"], structured["weight"], structured["H0"] = theta[:, 0], 1, np.arange(60)
    np.save(tmp_path / "s.npy", structured)
    assert sbiwb.read_draws(tmp_path / "s.npy").names == NAMES
    np.savez(tmp_path / "n.npz", samples=theta, names=np.array(NAMES))
    np.testing.assert_array_equal(sbiwb.read_draws(tmp_path / "n.npz").samples(), theta)


def test_bilby_compressed_and_derived(tmp_path):
    path = files.write_bilby(tmp_path / "a.json", CHAINS[0])
    with gzip.open(tmp_path / "z.json.gz", "wb") as file:
        file.write(path.read_bytes())
    result = sbiwb.read_draws(tmp_path / "z.json.gz", parameters=["chirp", "H0", "fixed"])
    assert (result.method, result.names) == ("z", ("chirp", "H0"))
    assert result.provenance["held fixed"] == "fixed"


# -- weights --------------------------------------------------------------------------------------


def test_rows_repeat_in_proportion_to_their_weight():
    np.testing.assert_array_equal(equal_rows(np.array([2.0, 0, 3])), [0, 0, 2, 2, 2])
    weight = np.array([0.1, 0.0, 0.6, 0.3])
    counts = np.bincount(equal_rows(weight), minlength=4)
    np.testing.assert_allclose(counts / counts.sum(), weight, atol=1 / counts.sum())
    assert counts[1] == 0
    many = np.full(3, 1e9)
    assert len(equal_rows(many)) == 1000
    assert effective_size(np.array([1.0, 1.0, 0.0])) == pytest.approx(2)
