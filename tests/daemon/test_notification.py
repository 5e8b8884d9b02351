import os
import socket
import sys
import time
from pathlib import Path

import pytest

from dermscan.daemon.notification import reloading_state, systemd_notify, watchdog_interval_s
from dermscan.errors import DermscanError


def test_the_service_manager_hears_what_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify = systemd_notify()
        notify("READY=1")
        assert manager.recv(100) == b"READY=1"
        notify("STATUS=ready; 3 scans filed")
        assert manager.recv(100) == b"STATUS=ready; 3 scans filed"


def test_without_a_service_manager_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd_notify()("READY=1")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)
    with pytest.raises(DermscanError, match="systemd-python is not installed"):
        systemd_notify()


@pytest.mark.parametrize(
    ("variables", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_bites(
    variables: dict[str, str], interval: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert watchdog_interval_s() == interval


def test_a_reload_names_the_moment_it_began() -> None:
    before = time.monotonic_ns() // 1000
    first, second = reloading_state().split("\n")
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
