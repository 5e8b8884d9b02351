"""Nothing leaves the device: what the process asks of the kernel is watched, whatever library asks for it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dermscan.bundle.loading import Bundle

NETWORK = re.compile(r"AF_INET6?\b")


def watched(arguments: list[str], home: Path, **more: str) -> str:
    """Every socket that a command and its threads ask for, by strace; as at a person's desk, not in CI."""
    if shutil.which("strace") is None:
        pytest.fail("strace is not installed: apt-get install strace")
    trace = home / "trace.txt"
    # Some libraries hold their telemetry back where they see CI: it must not hide behind that here
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "TF_BUILD", "GITHUB_ACTIONS"}}
    kept.pop("ORT_DISABLE_TELEMETRY", None)
    command = ["strace", "-f", "-e", "trace=socket,connect,sendto", "-o", str(trace), *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=200, env={**kept, "HOME": str(home), **more})
    return trace.read_text(encoding="utf-8")


def test_an_assessment_asks_for_no_network_and_leaves_no_trace_at_home(tmp_path: Path, bundle: Bundle) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[models]\nbundle = "{bundle.folder}"\n', encoding="utf-8")
    picture = bundle.path(bundle.manifest.golden[0].image)
    command = [sys.executable, "-m", "dermscan", "--settings", str(settings), "analyze", str(picture)]
    trace = watched(command, tmp_path)
    assert "+++ exited with 0 +++" in trace
    assert not NETWORK.search(trace), NETWORK.search(trace)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["settings.toml", "trace.txt"]


def test_the_watch_would_see_a_library_that_asks(tmp_path: Path) -> None:
    asks = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()"
    assert NETWORK.search(watched([sys.executable, "-c", asks], tmp_path))
