import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance import Appliance, wait_until
from dermscan.cli.secrecy import forbid_dumps

PLAIN = (b"\x89PNG\r\n\x1a\n", b"JFIF", b"SQLite format 3\0", b"\x7fELF")

CAREFUL = """
import ctypes, os, signal, sys
if sys.argv[1] == "careful":
    from dermscan.cli.secrecy import forbid_dumps
    forbid_dumps()
sys.stdout.write(str(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)))
sys.stdout.flush()
os.kill(os.getpid(), int(sys.argv[2]))
"""
"""Prints whether it may be dumped (prctl's PR_GET_DUMPABLE), and crashes."""


def allow_cores() -> None:
    """As on a system whose administrator wants core files."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def status_of(process: "subprocess.Popen[bytes]") -> int:
    """What the kernel says of its end, with the flag that tells of a core."""
    _, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return status


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_leaves_no_core(tmp_path: Path, number: signal.Signals) -> None:
    said, ends = {}, {}
    for way in ("careless", "careful"):
        process = subprocess.Popen(
            [sys.executable, "-c", CAREFUL, way, str(number.value)],
            stdout=subprocess.PIPE,
            cwd=tmp_path,
            preexec_fn=allow_cores,  # noqa: PLW1509 - no threads are running here
        )
        with process:
            assert process.stdout is not None
            said[way] = process.stdout.read()
            ends[way] = status_of(process)
    assert said == {"careless": b"1", "careful": b"0"}
    assert os.WTERMSIG(ends["careful"]) == number
    assert not os.WCOREDUMP(ends["careful"])
    cores = [path for path in tmp_path.iterdir() if path.name.startswith("core")]
    assert len(cores) <= os.WCOREDUMP(ends["careless"]), "only the careless one may have left any"


def test_a_crash_of_the_service_leaves_nothing_in_clear(appliance: Appliance) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        running = appliance.start()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    running.await_line("Scan filed", 240)
    limits = Path(f"/proc/{running.process.pid}/limits").read_text(encoding="ascii")
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    transit = appliance.history / "transit"
    wait_until(transit.is_dir)
    running.process.send_signal(signal.SIGSEGV)
    status = status_of(running.process)
    assert os.WTERMSIG(status) == signal.SIGSEGV
    assert not os.WCOREDUMP(status)
    key = appliance.key_file.read_bytes().split()[-1]
    for path in appliance.folder.rglob("*"):
        if path.is_file() and path != appliance.key_file:
            content = path.read_bytes()
            assert not path.name.startswith("core")
            assert not any(secret in content for secret in (*PLAIN, key, bytes.fromhex(key.decode()))), path.name


def test_a_kernel_that_does_not_forbid_dumps_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dermscan.cli.secrecy.ctypes.CDLL", lambda _: SimpleNamespace(prctl=lambda *_: -1))
    monkeypatch.setattr("dermscan.cli.secrecy.resource.setrlimit", lambda *_: None)
    forbid_dumps()
    assert "does not let this process forbid dumps" in caplog.text
