"""A command ends with its code, also while a thread of it is at work in a native library."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import threading

import cv2
import numpy as np

from dermscan.cli import main as command
from dermscan.errors import HistoryUnavailable

picture = np.zeros((600, 600, 3), np.uint8)
at_work = threading.Event()


def work():
    while True:
        cv2.GaussianBlur(picture, (31, 31), 3)
        at_work.set()


def app():
    if sys.argv[1] == "busy":
        threading.Thread(target=work, daemon=True).start()
        at_work.wait()
    print("said before")
    if sys.argv[2] == "error":
        raise HistoryUnavailable(problem="it is gone")
    sys.exit(int(sys.argv[2]))


command.app = app
command.main()
"""


@pytest.mark.parametrize(
    ("threads", "ending", "code"), [("busy", "error", 44), ("busy", "0", 0), ("busy", "3", 3), ("alone", "error", 44)]
)
def test_the_code_is_the_one_that_was_meant(threads: str, ending: str, code: int) -> None:
    command = [sys.executable, "-c", PROGRAM, threads, ending]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == code, done.stderr
    assert done.stdout == "said before\n"
    assert ("it is gone" in done.stderr) is (ending == "error")
    assert "terminate" not in done.stderr
