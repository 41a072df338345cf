"""The command line: one line and an exit code for every mistake, and quick to start."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import sbiwb
from sbiwb import cli
from sbiwb.core.draws import Draws
from sbiwb.errors import StoreError
from sbiwb.result import make_result


def sbiwb_cli(capsys, *arguments):
    """Exit code, output and lines of errors of a command."""
    with pytest.raises(SystemExit) as exit_:
        cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err.splitlines()


def save(path, shift=0.0):
    """Save draws of a made-up method for the ΛCDM problem."""
    problem = sbiwb.problem("cosmology.bao", data="desi_dr2", model="lcdm")
    draws = np.array([0.3, 101.5]) + np.array([0.008, 0.7]) * (
        shift + np.random.default_rng(0).standard_normal((4, 250, 2))
    )
    provenance = {"box": [[0.0, 1.0]] * 2}
    result = make_result(problem, Draws(draws), method="made up", seed=3, provenance=provenance)
    return result.save(path)


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["rum"], 2, "No such command 'rum'. Did you mean 'run'?"),
        (["run", "--sed", "1", "x"], 2, "No such option: --sed (Possible options: --seed)"),
        (["run"], 2, "Missing argument 'RECIPE'"),
        (["run", "x", "--seed", "one"], 2, "Invalid value for '--seed'"),
        (["run", "desi_dr3"], 2, "unknown recipe; got 'desi_dr3'; expected one of"),
        (["run", "nowhere/x.yaml"], 2, "no such recipe; got nowhere/x.yaml"),
        (["list", "sampler"], 2, "did you mean 'samplers'?"),
        (["new"], 2, "Missing command"),
        (["data", "cosmology.desi_dr3"], 2, "did you mean 'cosmology.desi_dr2'?"),
        (["report", "nowhere"], 65, "no run to report; got nowhere"),
        (["check", "nowhere.nc"], 65, "no such result; got nowhere.nc"),
        (["compare", "nowhere.nc"], 65, "no such result; got nowhere.nc"),
    ],
)
def test_mistakes_are_one_line_and_a_code(capsys, arguments, code, line):
    got, out, err = sbiwb_cli(capsys, *arguments)
    assert (got, out, len(err)) == (code, "", 1)
    assert err[0].startswith("sbiwb: error: ")
    assert line in err[0]


def test_a_recipe_s_typo_is_placed(capsys, tmp_path):
    (tmp_path / "x.yaml").write_text("methods: [{method: npe, budgett: 3}]\nproblems: {a: {}}\n")
    code, _, err = sbiwb_cli(capsys, "run", tmp_path / "x.yaml")
    assert code == 2
    assert "problems.a.simulator: is missing" in err[0]
    (tmp_path / "x.yaml").write_text(
        "problems: {a: {simulator: b}}\nmethods: [npe, {method: npe, budgett: 3}]\n"
    )
    code, _, err = sbiwb_cli(capsys, "run", tmp_path / "x.yaml")
    assert code == 2
    assert "unknown key methods[1].budgett" in err[0]
    assert err[0].endswith("did you mean 'budget'?")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (StoreError("disk full", got="x"), 74, "disk full; got x"),
        (ZeroDivisionError("a\nb"), 70, "unexpected ZeroDivisionError: a b; SBIWB_DEBUG=1 shows"),
        (OSError(28, "No space left on device"), 74, "got [Errno 28] No space left on device"),
    ],
)
def test_tracebacks_only_on_request(capsys, monkeypatch, error, code, line):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("sbiwb.pipeline.run", fail)
    monkeypatch.delenv(cli.DEBUG, raising=False)
    got, _, err = sbiwb_cli(capsys, "run", "desi_dr2")
    assert (got, len(err)) == (code, 1)
    assert line in err[0]
    monkeypatch.setenv(cli.DEBUG, "")  # restored afterwards
    got, _, err = sbiwb_cli(capsys, "--debug", "run", "desi_dr2")
    assert got == code
    assert err[0].startswith("Traceback")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("work", "arguments"),
    [
        ("pipeline.run", ["run", "desi_dr2"]),
        ("pipeline.reporting.report", ["report", "out"]),
        ("loading.load", ["check", "a.nc"]),
        ("reading.open_all", ["compare", "a.nc", "b.nc"]),
    ],
)
def test_every_command_can_be_interrupted(capsys, monkeypatch, number, work, arguments):
    def interrupted(*_, **__):
        os.kill(os.getpid(), number)
        time.sleep(10)

    monkeypatch.setattr(f"sbiwb.{work}", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    assert sbiwb_cli(capsys, *arguments) == (
        130,
        "",
        ["sbiwb: interrupted; what is finished is kept"],
    )
    assert signal.getsignal(signal.SIGTERM) is before


def test_output_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-c", "from sbiwb.cli import main; main()", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr.splitlines()[0].startswith(
        "sbiwb: error: the system refuses; got [Errno 28]"
    )


def test_version_and_help(capsys):
    assert sbiwb_cli(capsys, "--version") == (0, f"{sbiwb.__version__}\n", [])
    code, out, _ = sbiwb_cli(capsys)
    assert code == 0
    for command in ("run", "report", "check", "compare", "serve", "list", "data", "new"):
        assert f"\n  {command} " in out
    assert "…" not in out


def test_list(capsys):
    code, out, _ = sbiwb_cli(capsys, "list")
    assert code == 0
    kinds = [line for line in out.splitlines() if not line.startswith(" ")]
    expected = ["simulators", "samplers", "estimators", "approximations"]
    expected += ["diagnostics", "readers", "recipes"]
    assert kinds == [f"{kind}:" for kind in expected]
    _, out, _ = sbiwb_cli(capsys, "list", "recipes")
    assert out.splitlines()[0] == "recipes:"
    listed = [" ".join(line.split()) for line in out.splitlines()]  # columns are as wide as names
    assert "desi_dr2 Dark energy from DESI DR2 baryon acoustic oscillations" in listed
    for line in out.splitlines()[1:]:
        assert len(line.split()) > 1, "every name has a description"


def test_check_stores_verdicts_and_says_how_it_went(capsys, tmp_path):
    good, bad = save(tmp_path / "good.nc"), save(tmp_path / "bad.nc", shift=30.0)
    code, out, _ = sbiwb_cli(capsys, "check", good, "--predictive", 50)
    assert code == 0
    assert out.startswith(f"{good}: ")
    assert "posterior_predictive" in sbiwb.load(good).tree.children
    code, out, _ = sbiwb_cli(capsys, "check", good, bad)
    assert code == 1
    assert f"{bad}: fail" in out
    assert sbiwb.load(bad).outcome == "fail"


def test_compare_writes_a_report(capsys, tmp_path):
    files = save(tmp_path / "a.nc"), save(tmp_path / "b.nc", shift=0.1)
    out_file = tmp_path / "both.html"
    code, out, _ = sbiwb_cli(capsys, "compare", *files, "-o", out_file, "--title", "Two <b>")
    assert (code, out) == (0, f"{out_file}\n")
    text = out_file.read_text()
    assert "Two &lt;b&gt;" in text
    assert "<b>Two" not in text


def seconds(*command):
    """Time of a command, in seconds."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


# On an idle core: import 0.1 s, help 0.3 s.  Machines that run the tests are shared, so the limits
# are compared with the time that importing NumPy takes there (0.1 s on an idle core), in turns, and
# the least of each counts: what else runs there only ever adds.
def test_starting_is_quick():
    commands = ("import numpy", "import sbiwb", "from sbiwb.cli import main; main(['--help'])")
    rounds = [[seconds("-c", command) for command in commands] for _ in range(5)]
    numpy, package, help_ = (min(times) for times in zip(*rounds, strict=True))
    slow = max(1.0, numpy / 0.1)
    assert package < 0.3 * slow
    assert help_ < 0.5 * slow


def test_nothing_heavy_is_imported_to_start_to_list_or_to_plan():
    code = """
        import sys
        from sbiwb.cli import _run

        heavy = {"torch", "sbi", "matplotlib", "distributed", "arviz", "numpy"}
        assert not heavy & set(sys.modules), "to start"
        for arguments in (["--help"], ["list"]):
            assert _run(arguments) == 0
        assert not heavy & set(sys.modules), "to list"
        from sbiwb.config import find_recipe, read_recipe
        from sbiwb.pipeline.plan import plan

        # Options are checked by the estimators, which bring Torch; names and budgets are not.
        recipe = read_recipe(find_recipe("desi_dr2"))
        methods = [method.model_copy(update={"options": {}}) for method in recipe.methods]
        plan(recipe.model_copy(update={"methods": methods}))
        assert not {"torch", "sbi", "matplotlib"} & set(sys.modules), "to plan"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
