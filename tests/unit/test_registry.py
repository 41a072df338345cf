"""Names are found without importing, loaded when used, and wrong ones are explained."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import sbiwb
from sbiwb import registry
from sbiwb.core.options import Options
from sbiwb.discovery import FOLDERS, find_entries
from sbiwb.errors import DataError, UsageError

COIN = '''
"""A coin that is thrown ten times."""

import numpy as np

import sbiwb


class {name}(sbiwb.Simulator):
    version = "1"
    name = "coin"

    def __init__(self, throws: int = 10, *, bias_unit: str = ""):
        self.options = {{"throws": throws, "bias_unit": bias_unit}}
        self.throws = throws
        self.prior = sbiwb.Prior([sbiwb.Parameter("bias", sbiwb.Uniform(0, 1), unit=bias_unit)])
        self.output = sbiwb.Output((1,))

    def simulate(self, theta, rng):
        return rng.binomial(self.throws, theta).astype(float)
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of the user's own simulators, forgotten afterwards."""
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def install(folder, monkeypatch, package, group, name, value):
    """Make `folder` look like site-packages in which `package` is installed."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[sbiwb.{group}]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(folder)


def test_a_file_in_a_folder_is_a_simulator(folder):
    (folder / "coin.py").write_text(COIN.format(name="Coin"))
    (folder / "_hidden.py").write_text(COIN.format(name="Hidden"))
    (folder / "helper.py").write_text("class Table:\n    pass\n")
    (folder / "games").mkdir()
    (folder / "games" / "__init__.py").write_text("")
    (folder / "games" / "fair.py").write_text(COIN.format(name="Fair"))
    (folder / "notes").mkdir()
    (folder / "notes" / "draft.py").write_text(COIN.format(name="Draft"))
    local = [e for e in find_entries("simulators") if str(folder) in e.origin]
    assert [e.name for e in local] == ["coin", "games.fair"]
    assert local[0].summary == "A coin that is thrown ten times."
    assert "coin" not in sys.modules
    assert registry.build_simulator("coin", throws=3).throws == 3
    assert registry.build_simulator("games.fair").throws == 10


def test_listing_imports_nothing(folder):
    (folder / "loud.py").write_text(
        "raise SystemExit('imported')\nclass Loud(Simulator):\n    pass\n"
    )
    assert "loud" in registry.names("simulators")


def test_names_of_every_kind_load():
    for name in registry.names("samplers"):
        assert issubclass(registry.sampler(name).options_type, Options)
    for name in registry.names("diagnostics"):
        assert callable(registry.diagnostic(name))
    assert "base" not in registry.names("samplers")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"throw": 3}, ["'throw'", "one of bias_unit, throws", "did you mean 'throws'?"]),
        ({"zzz": 3}, ["option of simulator 'coin'", "'zzz'"]),
    ],
)
def test_unknown_option(folder, options, parts):
    (folder / "coin.py").write_text(COIN.format(name="Coin"))
    with pytest.raises(UsageError) as error:
        sbiwb.problem("coin", **options)
    assert all(part in str(error.value) for part in parts)


def test_unknown_name_is_answered_with_the_nearest(folder):
    (folder / "coin.py").write_text(COIN.format(name="Coin"))
    with pytest.raises(UsageError, match=r"unknown simulator; got 'coins'.*did you mean 'coin'\?"):
        sbiwb.problem("coins")
    with pytest.raises(UsageError, match="unknown sampler"):
        registry.sampler("coin")
    with pytest.raises(UsageError, match=r"unknown kind; got 'sampler'.*did you mean 'samplers'\?"):
        registry.names("sampler")


def test_missing_option(folder):
    (folder / "coin.py").write_text(COIN.format(name="Coin").replace("int = 10", "int"))
    with pytest.raises(UsageError, match="simulator 'coin' needs more options; expected throws"):
        sbiwb.problem("coin", [1.0])


def test_a_name_defined_twice_names_both(folder, tmp_path_factory, monkeypatch):
    (folder / "coin.py").write_text(COIN.format(name="Coin"))
    other = tmp_path_factory.mktemp("site")
    install(other, monkeypatch, "casino", "simulators", "coin", "casino:Coin")
    with pytest.raises(UsageError, match=r"defined 2 times; got casino:Coin of casino and .*coin"):
        registry.build_simulator("coin")


def test_other_packages_add_names(folder, tmp_path_factory, monkeypatch):
    site = tmp_path_factory.mktemp("site")
    (site / "casino.py").write_text(COIN.format(name="Coin"))
    install(site, monkeypatch, "casino", "simulators", "wheel", "casino:Coin")
    entry = next(e for e in find_entries("simulators") if e.name == "wheel")
    assert entry.summary == "from the package casino"
    assert registry.build_simulator("wheel").throws == 10


def test_a_diagnostic_of_another_package(folder, tmp_path_factory, monkeypatch):
    site = tmp_path_factory.mktemp("site")
    (site / "lint.py").write_text("def check(result):\n    return [result]\n")
    install(site, monkeypatch, "lint", "diagnostics", "lint", "lint")
    assert registry.diagnostic("lint")("x") == ["x"]


def test_missing_package_names_what_to_install(folder):
    code = COIN.format(name="Coin")
    (folder / "early.py").write_text("import no_such_package.sub\n" + code)
    (folder / "late.py").write_text(code.replace("self.throws =", "import no_such; self.throws ="))
    expected = "needs the package 'no_such_package', which is not installed; pip install no_such"
    with pytest.raises(UsageError, match=expected):
        registry.build_simulator("early")
    with pytest.raises(UsageError, match="needs the package 'no_such'"):
        registry.build_simulator("late")


def test_missing_package_of_a_domain_names_its_extra(monkeypatch):
    from sbiwb.discovery import Entry

    def load():
        raise ModuleNotFoundError("No module named 'bilby'", name="bilby")

    entry = Entry("simulators", "cosmology.new", "somewhere", "", load)
    monkeypatch.setattr(registry, "find_entries", lambda _: [entry])
    with pytest.raises(UsageError, match=r"pip install 'sbiwb\[cosmology\]'"):
        registry.build_simulator("cosmology.new")


def test_a_module_that_cannot_be_imported(folder):
    (folder / "broken.py").write_text("class Broken(Simulator:\n")
    (folder / "wrong.py").write_text("class Wrong(Simulator):\n    pass\n")
    with pytest.raises(UsageError, match=r"'broken' .* cannot be imported; got SyntaxError"):
        registry.build_simulator("broken")
    with pytest.raises(UsageError, match=r"'wrong' .* cannot be imported; got NameError"):
        registry.build_simulator("wrong")


def test_a_module_with_no_or_two_simulators(folder):
    (folder / "none.py").write_text("class Simulator: pass\nclass A(Simulator): pass\n")
    code = COIN.format(name="Coin")
    (folder / "two.py").write_text(code + "\nclass Other(Coin):\n    pass\n")
    with pytest.raises(UsageError, match="got no concrete Simulator"):
        registry.build_simulator("none")
    with pytest.raises(UsageError, match="got Coin, Other; expected one class"):
        registry.build_simulator("two")


def test_a_file_never_replaces_another_module(folder):
    (folder / "json.py").write_text(COIN.format(name="Coin"))
    with pytest.raises(UsageError, match="hidden by another module called 'json'"):
        registry.build_simulator("json")


def test_a_folder_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDERS, str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="SBIWB_SIMULATORS names no folder"):
        registry.names("simulators")


def test_problem_from_an_object_takes_no_options(folder):
    (folder / "coin.py").write_text(COIN.format(name="Coin"))
    coin = registry.build_simulator("coin")
    assert sbiwb.problem(coin, [3.0]).simulator is coin
    with pytest.raises(UsageError, match="already built; got throws"):
        sbiwb.problem(coin, [3.0], throws=2)


def test_observation_from_a_file(folder):
    (folder / "coin.py").write_text(COIN.format(name="Coin"))
    np.save(folder / "seen.npy", np.array([4]))
    problem = sbiwb.problem("coin", folder / "seen.npy")
    assert problem.observation.x == 4.0
    assert problem.observation.name == "seen"


@pytest.mark.parametrize(
    ("name", "text", "shape"),
    [
        ("row.csv", "1, 2, 3\n", (3,)),
        ("column.txt", "# z  value\n1\n2\n", (2,)),
        ("table.csv", "1,2\n3,4\n", (2, 2)),
        ("one.txt", "7\n", (1,)),
    ],
)
def test_tables_of_numbers(tmp_path, name, text, shape):
    from sbiwb.core.observation_file import read_observation

    (tmp_path / name).write_text(text)
    assert read_observation(tmp_path / name).x.shape == shape


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("empty.csv", b"# nothing\n", "no numbers in it"),
        ("words.csv", b"a,b\n1,2\n", "numbers only"),
        ("ragged.txt", b"1 2\n3\n", "numbers only"),
        ("image.png", b"", "expected .npy, .csv or .txt"),
        ("noise.npy", b"not an array", "cannot read the observation"),
        ("binary.txt", b"\xff\xfe\x00", "cannot read the observation"),
    ],
)
def test_observations_that_cannot_be_read(tmp_path, name, content, match):
    from sbiwb.core.observation_file import read_observation

    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=match):
        read_observation(tmp_path / name)


def test_observations_never_run_code(tmp_path):
    from sbiwb.core.observation_file import read_observation

    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="allow_pickle"):
        read_observation(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", np.array([1 + 2j]))
    with pytest.raises(DataError, match="complex128"):
        read_observation(tmp_path / "x.npy")
    with pytest.raises(DataError, match="no such observation"):
        read_observation(tmp_path / "y.npy")


def test_names_come_without_torch():
    code = """
        import sys
        from sbiwb import registry
        for kind in ("simulators", "samplers", "estimators", "approximations", "diagnostics"):
            registry.names(kind)
        assert not {"torch", "emcee", "sbi", "xarray"} & set(sys.modules), "imported"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
