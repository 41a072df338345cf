"""Draws that cannot be used are refused in one line that says what to type."""

from __future__ import annotations

import foreign_files as files
import numpy as np
import pytest
from foreign_files import CHAINS, draws

import sbiwb
from sbiwb.errors import DataError, UsageError


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
