"""Where simulations run: one line of a recipe, every value checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sbiwb.errors import UsageError
from sbiwb.execute import Execution, parse_execution


def test_an_execution_is_one_line_of_a_recipe():
    assert parse_execution(None) == Execution()
    assert parse_execution("local").cluster == "local"
    assert parse_execution({"cluster": "local", "workers": 4}) == Execution("local", workers=4)
    given_ = Execution(timeout=3)
    assert parse_execution(given_) is given_
    for address in ("tcp://10.0.0.1:8786", "tls://node:8786", "scheduler-file:/shared/s.json"):
        assert parse_execution(address).cluster == address


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("lokal", "unknown cluster; got 'lokal'; .* did you mean 'local'"),
        ("tcp://", "unknown cluster"),
        ("my.module:Cluster", "unknown cluster"),
        (4, "bad executor; got 4"),
        ({"worker": 4}, "unknown executor option; got 'worker'; .* did you mean 'workers'"),
        ({"cluster": "local", "workers": 0}, "workers; got 0; expected a whole number > 0"),
        ({"cluster": "local", "workers": "4"}, "workers; got '4'"),
        ({"workers": 4}, "'inline' does not start workers"),
        ({"timeout": -1}, "timeout; got -1; expected a number > 0"),
        ({"timeout": float("nan")}, "timeout; got nan"),
        ({"memory": True}, "memory; got True"),
        ({"block_size": 2.5}, "block_size; got 2.5"),
        ({"max_failure_fraction": 1.5}, "max_failure_fraction; got 1.5"),
        ({"cluster": "local", "queue": "long"}, "queue is for cluster: slurm"),
        ({"cluster": "slurm", "walltime": "soon"}, "walltime; got 'soon'"),
    ],
)
def test_a_bad_execution_is_refused_with_what_to_type(value, message):
    with pytest.raises(UsageError, match=message):
        parse_execution(value)


def test_walltimes_survive_yaml():
    assert Execution("slurm", walltime=5400).walltime == "01:30:00"  # YAML's unquoted 1:30:00
    assert Execution("slurm", walltime="26:00:05").walltime == "26:00:05"


def test_an_execution_can_be_pointed_to_a_running_scheduler():
    execution = Execution("slurm", workers=8, queue="long", cores=4, timeout=3.0)
    assert execution.at("tcp://10.0.0.1:1") == replace(Execution("tcp://10.0.0.1:1"), timeout=3.0)
