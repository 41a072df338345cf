"""Progress is shown with the time that is left, and only on a terminal."""

import time

from sbiwb.progress import QUIET, Progress


def test_silence_off_a_terminal(capfd):
    for progress in (QUIET, Progress()):
        with progress.task("work", total=2) as task:
            task.advance()
    assert capfd.readouterr() == ("", "")


def test_the_time_left_is_known_after_one_step(capfd):
    with Progress(shown=True).task("work", total=4) as task:
        (bar,) = task._display.tasks
        assert bar.time_remaining is None
        time.sleep(0.05)
        task.advance()
        assert bar.time_remaining > 0
