"""Every registered reader keeps its contract, and every clause catches one that breaks it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sbiwb import registry
from sbiwb.readers.base import Chain, Column
from sbiwb.readers.csv import Csv
from sbiwb.testing import ContractError, check_reader

sys.path.append(str(Path(__file__).parents[1] / "unit"))
import foreign_files as files

CHAINS = [files.draws(1), files.draws(2)]
WRITERS = {
    "arviz": lambda folder: files.write_arviz(folder / "a.nc", np.stack(CHAINS)),
    "bilby": lambda folder: files.write_bilby(folder / "a.json", CHAINS[0]),
    "cmdstan": lambda folder: files.write_cmdstan(folder / "a", CHAINS),
    "cobaya": lambda folder: files.write_cobaya(folder / "a", CHAINS),
    "csv": lambda folder: files.write_csv(folder / "a.csv", CHAINS[0]),
    "emcee": lambda folder: files.write_emcee(folder / "a.h5", steps=60),
    "getdist": lambda folder: files.write_getdist(folder / "a", CHAINS),
    "numpy": lambda folder: files.write_npz(folder / "a.npz", CHAINS[0]),
}


@pytest.mark.parametrize("name", registry.names("readers"))
def test_every_registered_reader_keeps_the_contract(name, tmp_path):
    names = files.NAMES if name == "emcee" else None
    check_reader(name, WRITERS[name](tmp_path), names=names)


@pytest.mark.parametrize("name", registry.names("readers"))
def test_a_file_is_recognised_by_one_reader_only(name, tmp_path):
    path = WRITERS[name](tmp_path)
    known = registry.names("readers")
    assert [n for n in known if registry.reader(n).recognises(path)] == [name]


class Sound(Csv):
    """A reader with one thing wrong, as its functions say."""

    def __init__(self, recognises=None, change=None, error=None):
        self.own, self.change, self.error, self.calls = recognises, change, error, 0

    def recognises(self, path):
        return super().recognises(path) if self.own is None else self.own(path)

    def read(self, path, options):
        self.calls += 1
        if self.error is not None and self.calls > 2:
            raise self.error
        table = super().read(path, options)
        return table if self.change is None else self.change(table, self.calls)


def chain_of(**changes):
    return lambda table, _: replace(table, chains=(replace(table.chains[0], **changes),))


FAULTS = {
    "does not recognise its own format": Sound(lambda _: False),
    "recognises an empty folder": Sound(lambda _: True),
    "recognises what is missing": Sound(lambda path: not path.is_dir()),
    "recognises empty content": Sound(lambda path: path.is_file()),
    "recognises raised": Sound(lambda _: 1 / 0),
    "names are not distinct": Sound(
        change=lambda table, _: replace(table, columns=(Column("a"),) * 2)
    ),
    "there is no chain": Sound(change=lambda table, _: replace(table, chains=())),
    "the files are not named": Sound(change=lambda table, _: replace(table, files=())),
    "draws do not fit the columns": Sound(change=chain_of(values=np.zeros((5, 3)))),
    "weights or densities do not fit": Sound(change=chain_of(weight=np.ones(3))),
    "the same file gives other draws": Sound(
        change=lambda table, call: replace(table, chains=(Chain(table.chains[0].values + call),))
    ),
    "reading a file cut to 0% raised": Sound(error=ZeroDivisionError("damaged")),
}


@pytest.mark.parametrize("clause", FAULTS)
def test_a_broken_clause_is_caught_and_named(clause, tmp_path):
    with pytest.raises(ContractError) as caught:
        check_reader(FAULTS[clause], files.write_csv(tmp_path / "a.csv", CHAINS[0]))
    assert clause in str(caught.value)


def test_a_sound_reader_passes(tmp_path):
    check_reader(Sound(), files.write_csv(tmp_path / "a.csv", CHAINS[0]))
