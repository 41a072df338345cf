"""Draws of other programs come in whole: their numbers, weights, names, labels and bounds."""

from __future__ import annotations

import gzip
import json
import shutil

import foreign_files as files
import numpy as np
import pytest
from fabricated_results import toy_result
from foreign_files import NAMES, draws

import sbiwb
from sbiwb import cli
from sbiwb.comparison import agreement
from sbiwb.core.verdict import Outcome
from sbiwb.errors import DataError, UsageError
from sbiwb.readers._weights import effective_size, equal_rows
from sbiwb.reading import open_all

CHAINS = [draws(1, 300), draws(2, 500)]
COUNTS = [
    np.random.default_rng(k).integers(1, 6, len(c)).astype(float) for k, c in enumerate(CHAINS)
]


@pytest.fixture(scope="module")
def emcee_file(tmp_path_factory):
    return files.write_emcee(tmp_path_factory.mktemp("emcee") / "walkers.h5")


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


# -- what is wrong is said in one line ----------------------------------------------------------


def refuse(path, match, error=DataError, **options):
    with pytest.raises(error, match=match) as caught:
        sbiwb.read_draws(path, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", r"format of .*a.csv is not recognised.*write FORMAT:.*a.csv"),
        ("Om,H0\n", r"not recognised"),
        ("1,2\n3,4\n", r"not recognised"),
        ("Om,Om\n1,2\n3,4\n", r"a.csv does not name its columns clearly; got 'Om' twice"),
        ("Om,\n1,2\n3,4\n", r"a column without a name"),
        ("Om,H0\n1,2\n3\n", r"a.csv is damaged: row 2 has another number of columns; got 1"),
        ("Om,H0\n1,2\n", r"too few draws in .*a.csv; got 1; expected at least 2"),
        ("Om,H0\n1,2\nnan,4\n", r"a.csv has draws that are not finite; got nan for 'Om' in row 2"),
        ("Om,H0\n1,2\n3,x\n", r"cannot read .*a.csv as csv; it may be damaged; got ValueError"),
        ("Om,H0\n1,2\n1,2\n", r"nothing varies in .*a.csv; got Om, H0"),
        ("Om,weight\n1,1\n3,-1\n", r"a.csv has weights that are negative"),
        ("weight,log_prob\n1,1\n3,1\n", r"no column that is a parameter"),
    ],
)
def test_bad_tables(tmp_path, content, match):
    (tmp_path / "a.csv").write_text(content)
    refuse(tmp_path / "a.csv", match)


def test_bad_files(tmp_path, emcee_file):
    refuse(tmp_path / "none.csv", "no such result; got .*none.csv")
    refuse(tmp_path / "none", "no such result")
    for name in ("a.npy", "b.npz"):
        (tmp_path / name).write_bytes(b"garbage")
        refuse(tmp_path / name, f"cannot read .*{name} as numpy; it may be damaged")
    refuse(
        files.write_object_array(tmp_path / "o.npy"), "cannot read .*o.npy as numpy.*allow_pickle"
    )
    refuse(files.cut(files.write_npz(tmp_path / "c.npz", draws())), "cannot read .*c.npz as numpy")
    refuse(
        files.cut(files.write_bilby(tmp_path / "b.json", draws())), "cannot read .*b.json as bilby"
    )
    np.save(tmp_path / "p.npy", draws())
    refuse(tmp_path / "p.npy", "does not say what its columns are.*name them in order: --names a,b")
    refuse(tmp_path / "p.npy", "wrong names; got 1 names for 2 columns", names=["a"])
    refuse(emcee_file, "holds no names of its parameters.*--names a,b$")
    refuse(emcee_file, "does not name its columns clearly", names=["a", "a"])
    refuse(
        files.several_samplers(tmp_path / "two.h5"), "several samplers; got one, two", names=["a"]
    )
    refuse(emcee_file, "bad burn-in; got -1", UsageError, names=["a", "b"], burn_in=-1)
    refuse(emcee_file, "too few draws", names=["a", "b"], burn_in=400)
    np.savez(tmp_path / "u.npz", a=np.zeros(3), b=np.zeros(4))
    refuse(tmp_path / "u.npz", r"do not fit together; got a \(3,\), b \(4,\)")


def test_bad_chains(tmp_path):
    root = files.write_getdist(tmp_path / "gd", CHAINS)
    (tmp_path / "gd.paramnames").write_text("Om\n")
    refuse(root, "do not fit their names; got 5 columns; expected 3")
    (tmp_path / "gd.paramnames").unlink()
    refuse(tmp_path / "gd_1.txt", "not recognised")
    refuse(root, "name the parameters in order with --names", format="getdist")
    assert sbiwb.read_draws(root, "getdist", names=["a", "b", "c"]).names == ("a", "b", "c")
    root = files.write_cobaya(tmp_path / "co", CHAINS)
    second = tmp_path / "co.2.txt"
    second.write_text(second.read_text().replace("Om", "om"))
    refuse(root, "co.2.txt has other columns than .*co.1.txt")
    hot = files.write_cobaya(tmp_path / "hot", CHAINS, temperature=2)
    refuse(hot, "hot are of a tempered posterior; got temperature 2")
    root = files.write_cmdstan(tmp_path / "st", CHAINS)
    (tmp_path / "st_2.csv").write_text("lp__,a__,x\n1,2,3\n")
    refuse(root, "st_2.csv has other columns")


def test_yaml_that_could_run_code_gives_no_labels_and_says_so(tmp_path):
    root = files.write_cobaya(tmp_path / "co", CHAINS)
    (tmp_path / "co.updated.yaml").write_text("params: !!python/object/apply:os.system [ls]\n")
    result = sbiwb.read_draws(root)
    assert "No labels or bounds were read from co.updated.yaml" in result.provenance["warnings"]
    assert result.names == ("Om", "H0", "twice")


def test_names_that_do_not_exist(tmp_path):
    path = files.write_csv(tmp_path / "a.csv", draws())
    refuse(
        path, "unknown parameter of 'a'; got 'om'.*did you mean 'Om'", UsageError, parameters=["om"]
    )
    refuse(
        path,
        "no such parameter to rename; got 'h0'.*did you mean 'H0'",
        UsageError,
        rename={"h0": "H"},
    )
    refuse(path, "would have two parameters 'Om'", UsageError, rename={"H0": "Om"})
    refuse(path, "a.csv holds the names of its parameters; use --rename", UsageError, names=["a"])
    refuse(path, "unknown reader; got 'cvs'.*did you mean 'csv'", UsageError, format="cvs")
    refuse(path, "a.csv, read as csv, has no start to leave out", UsageError, burn_in=0.5)


def test_what_could_be_read_in_two_ways_is_asked(tmp_path):
    files.write_getdist(tmp_path / "both", CHAINS)
    files.write_cobaya(tmp_path / "both", CHAINS)
    refuse(
        tmp_path / "both", "could be read in several ways; got cobaya and getdist; write cobaya:"
    )
    assert sbiwb.read_draws(tmp_path / "both", "cobaya").origin == "cobaya"


# -- side by side -------------------------------------------------------------------------------


def test_one_report_of_every_origin(tmp_path, emcee_file, capsys, monkeypatch):
    # 28 pairs of classifiers say nothing of the readers.
    monkeypatch.setattr(agreement, "_c2st", lambda *_: float("nan"))

    def same(theta):  # the emcee file samples a standard normal in both parameters
        return (theta - [0.3, 70]) / [0.01, np.sqrt(1.25)]

    chains = [same(c) for c in CHAINS]
    ours = toy_result("exact+slice", same(draws(5, 1000)), problem=_problem())
    ours.save(tmp_path / "ours.nc")
    given = [
        tmp_path / "ours.nc",
        files.write_csv(tmp_path / "table.csv", chains[0]),
        files.write_npz(tmp_path / "array.npz", chains[1]),
        f"planck=getdist:{files.write_getdist(tmp_path / 'gd', chains)}",
        files.write_cobaya(tmp_path / "cob", chains),
        files.write_bilby(tmp_path / "bil.json", chains[0]),
        f"walkers={emcee_file}",
        files.write_arviz(tmp_path / "arv.nc", chains[0].reshape(3, 100, 2)),
    ]
    arguments = [*map(str, given), "--names", "Om,H0", "--rename", "v[0]=H0", "--burn-in", "0.5"]
    with pytest.raises(SystemExit) as exit_:
        cli.main(["compare", *arguments, "-o", str(tmp_path / "r.html")])
    assert exit_.value.code == 0, capsys.readouterr().err
    page = (tmp_path / "r.html").read_text()
    methods = ["exact+slice", "table", "array", "planck", "cob", "bil", "walkers", "arv"]
    assert all(method in page for method in methods)
    assert "that they are of this problem is taken on trust" in page


def _problem():
    from fabricated_results import toy_problem

    from sbiwb.core.distributions import Uniform
    from sbiwb.core.prior import Parameter

    return toy_problem(
        [Parameter("Om", Uniform(-9, 9), "", r"\omega"), Parameter("H0", Uniform(-9, 9))]
    )


def test_the_planted_fault_of_one_origin_is_seen(tmp_path):
    good = files.write_csv(tmp_path / "good.csv", draws(1, 1500))
    same = files.write_getdist(tmp_path / "same", [draws(2, 1500)])
    bad = files.write_npz(tmp_path / "bad.npz", draws(3, 1500, shift=1.0))
    comparison = sbiwb.compare([good, same, bad])
    outcomes = {
        (p.first, p.second): p.outcome for p in comparison.pairs[comparison.groups[0].label]
    }
    assert outcomes["good", "same"] is Outcome.PASS
    assert outcomes["good", "bad"] is Outcome.FAIL


def test_parameters_are_matched_by_name_and_missing_ones_said(tmp_path):
    a = files.write_csv(tmp_path / "a.csv", draws(1), names=("Om", "h"))
    b = files.write_getdist(tmp_path / "b", [draws(2)])
    group = sbiwb.compare([a, b]).groups[0]
    assert group.names == ("Om", "h", "H0")
    assert "a does not have H0." in group.notes
    assert "b does not have h." in group.notes
    assert sbiwb.compare([a, b], parameters=["Om"]).groups[0].names == ("Om",)
    with pytest.raises(UsageError, match=r"'b' has none of the parameters.*--rename Om=h"):
        sbiwb.compare([a, b], parameters=["h"])


def test_a_derived_parameter_is_shown_if_another_samples_it(tmp_path):
    root = files.write_getdist(tmp_path / "b", [draws(2)])
    assert sbiwb.compare([root]).groups[0].names == NAMES
    a = files.write_csv(tmp_path / "a.csv", draws(1), names=("twice", "H0"))
    group = sbiwb.compare([root, a]).groups[0]
    assert group.results["b"].names == ("Om", "H0", "twice")


def test_units_that_differ_are_said():
    results = [
        sbiwb.from_draws(draws(k), NAMES, name=name, units={"H0": unit})
        for k, (name, unit) in enumerate({"x": "km/s/Mpc", "y": "1/Gyr"}.items())
    ]
    notes = sbiwb.compare(results).groups[0].notes
    assert any(
        note.startswith("H0 has different units: km/s/Mpc in x, 1/Gyr in y") for note in notes
    )


def test_foreign_draws_join_the_problem_that_has_their_parameters():
    from fabricated_results import toy_problem

    from sbiwb.core.distributions import Uniform
    from sbiwb.core.prior import Parameter

    wide = toy_problem([Parameter(n, Uniform(-9, 9)) for n in ("a", "b", "w")], model="w")
    narrow = toy_problem(model="l")
    ours = [
        toy_result(problem=narrow),
        toy_result(theta=np.random.default_rng(0).normal(size=(99, 3)), problem=wide),
    ]
    theirs = sbiwb.from_draws(np.random.default_rng(1).normal(size=(99, 3)), ["a", "b", "w"])
    groups = sbiwb.compare([*ours, theirs]).groups
    assert [g.methods for g in groups] == [("exact+emcee",), ("exact+emcee", "draws")]
    twins = [toy_result(problem=narrow), toy_result(problem=toy_problem(observation=1.0))]
    with pytest.raises(UsageError, match="'draws' could belong to several problems"):
        sbiwb.compare([*twins, theirs])


def test_draws_in_memory():
    theta = draws(1, 400)
    one = sbiwb.from_draws(theta, NAMES, weights=np.arange(400), independent=True)
    assert one.summary()["ess"].iloc[0] == pytest.approx(effective_size(np.arange(400)))
    other = sbiwb.from_draws({"Om": theta[:, 0], "H0": theta[:, 1]}, name="mine")
    np.testing.assert_array_equal(other.samples(), theta)
    with pytest.raises(DataError, match="draws do not fit their names"):
        sbiwb.from_draws(theta, ["Om"])
    with pytest.raises(DataError, match="'draws' does not name its columns clearly"):
        sbiwb.from_draws(theta, ["Om", "Om"])
    with pytest.raises(DataError, match="draws and what belongs to them do not fit"):
        sbiwb.from_draws(theta, NAMES, weights=np.ones(3))
    with pytest.raises(DataError, match="'draws' has draws that are not finite"):
        sbiwb.from_draws(theta * np.nan, NAMES)


def test_foreign_draws_are_saved_and_opened_again(tmp_path):
    result = sbiwb.from_draws(draws(1), NAMES, name="mine")
    result.save(tmp_path / "mine.nc")
    again = sbiwb.load(tmp_path / "mine.nc")
    assert (again.method, again.origin) == ("mine", "array")
    np.testing.assert_array_equal(again.samples(), result.samples())
    with pytest.raises(DataError, match="simulator of this result is not to be found; got 'mine'"):
        sbiwb.check(again)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(DataError, match="this folder is no run of the workbench"):
        open_all([tmp_path])
    (tmp_path / "run.json").write_text(json.dumps({"tasks": {"a": {"file": "../x.nc"}}}))
    with pytest.raises(DataError, match="names a file outside its directory"):
        open_all([tmp_path])
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"cannot read .*run.json"):
        open_all([tmp_path])
    (tmp_path / "run.json").write_text(json.dumps({"tasks": {"a": {"file": None}}}))
    with pytest.raises(DataError, match="no results in this run yet"):
        open_all([tmp_path])
    toy_result(problem=_problem()).save(tmp_path / "results" / "r.nc")
    (tmp_path / "run.json").write_text(json.dumps({"tasks": {"a": {"file": "results/r.nc"}}}))
    (result,) = open_all([tmp_path])
    assert result.method == "exact+emcee"


def test_one_file_may_be_compared_with_itself(tmp_path):
    path = files.write_csv(tmp_path / "a.csv", draws(1))
    assert [r.method for r in open_all([path, f"again={path}"])] == ["a", "again"]


def test_files_with_marks_in_their_names(tmp_path):
    path = files.write_csv(tmp_path / "a=b:c.csv", draws(1))
    assert open_all([str(path)])[0].method == "a=b:c"
    with pytest.raises(UsageError, match=r"unknown format; got 'getdits'.*did you mean 'getdist'"):
        open_all([f"getdits:{path.parent}/gd"])
    with pytest.raises(UsageError, match="--burn-in means nothing for these files"):
        open_all([str(path)], burn_in=0.1)
    saved = toy_result(problem=_problem()).save(tmp_path / "r.nc")
    with pytest.raises(UsageError, match="results of the workbench are called by their method"):
        open_all([f"ours={saved}"])
    shutil.rmtree(tmp_path)


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
