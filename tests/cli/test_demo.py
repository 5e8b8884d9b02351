"""The demonstration, as a newcomer starts it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import pytest

from appliance import Running


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[Running]:
    output = tmp_path / "output.txt"
    command = [sys.executable, "-u", "-m", "dermscan", "demo", "--folder", str(tmp_path / "demo"), "--seconds", "120"]
    with output.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
    yield Running(process, output)
    if process.poll() is None:
        process.kill()
        process.wait(30)


def served(port: int, path: str) -> bytes:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == HTTPStatus.OK
        return answer.read()


def test_the_demonstration_scans_the_phantom_and_says_where_to_look(demonstration: Running, tmp_path: Path) -> None:
    demonstration.await_line("Scan filed", 100)
    (port,) = re.findall(r"Bedside display +http://127\.0\.0\.1:(\d+)/", demonstration.said)
    assert b"Derm-Scan" in served(int(port), "/")
    assert json.loads(served(int(port), "/config.json"))["device"] == "demo"
    (settings,) = re.findall(r"DERMSCAN_SETTINGS=(\S+)", demonstration.said)
    listed = subprocess.run(
        [sys.executable, "-m", "dermscan", "--settings", settings, "history", "list", "--json"],
        capture_output=True,
        check=True,
    )
    assert len(json.loads(listed.stdout)) >= 1
    assert (tmp_path / "demo" / "demonstration.key").stat().st_mode & 0o777 == 0o600
    assert demonstration.stop(signal.SIGINT) < 10
    assert demonstration.process.returncode == 0


def test_frames_that_are_not_there_are_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "dermscan", "demo", "--folder", str(folder), "--frames", str(tmp_path / "none")]
    for _ in range(2):  # the second start finds the key that the first one made
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 11, done.stderr
        assert done.stderr.count("dermscan: ") == 1
        assert "Traceback" not in done.stderr
