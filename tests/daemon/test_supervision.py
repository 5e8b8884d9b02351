import logging
import threading

import pytest

from dermscan.daemon.supervision import Supervised
from dermscan.errors import CameraLost


def raising(error: Exception) -> None:
    raise error


def test_a_failure_is_kept_and_wakes_the_main_thread() -> None:
    woken = threading.Event()
    error = CameraLost()
    thread = Supervised("camera", lambda: raising(error), woken.set)
    thread.start()
    assert woken.wait(5)
    assert thread.join(5)
    assert thread.failure is error


def test_a_defect_leaves_a_traceback_in_the_journal(caplog: pytest.LogCaptureFixture) -> None:
    thread = Supervised("analysis", lambda: raising(ZeroDivisionError("by nought")), lambda: None)
    with caplog.at_level(logging.ERROR):
        thread.start()
        assert thread.join(5)
    assert isinstance(thread.failure, ZeroDivisionError)
    assert "The analysis thread failed" in caplog.text


def test_work_that_ends_well_leaves_no_failure() -> None:
    woken = threading.Event()
    thread = Supervised("camera", lambda: None, woken.set)
    assert thread.join(0.01), "a thread that never began has ended"
    thread.start()
    assert woken.wait(5)
    assert thread.failure is None
