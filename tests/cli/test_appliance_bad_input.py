"""What a room can do to an appliance: it goes on and says so, or ends with one sentence. Never a storm of restarts."""

import json
import os
import shlex
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from appliance import Appliance, Running, wait_until

LONG_S = 240.0
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="a file system of the test's own needs root")


def refused(appliance: Appliance) -> tuple[int, str]:
    done = appliance.call("run")
    assert "Traceback" not in done.stderr
    sentences = [line for line in done.stderr.splitlines() if line.startswith("dermscan: ")]
    assert len(sentences) == 1, done.stderr
    return done.returncode, sentences[0]


def among(commands: str) -> list[str]:
    """Words that run a command in a name space in which something is mounted otherwise."""
    return ["unshare", "--mount", "sh", "-ec", f'{commands}; exec "$@"', "sh"]


def told(appliance: Appliance) -> dict[str, Any]:
    path = appliance.folder / "state.json"
    return dict(json.loads(path.read_bytes())) if path.exists() else {"codes": [], "scans_filed": 0}


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


def started(appliance: Appliance) -> Running:
    appliance.sections["health"] = {"state_file": appliance.folder / "state.json"}
    return appliance.start()


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_a_device_that_is_no_camera(appliance: Appliance, device: str) -> None:
    appliance.sections["camera"] |= {"backend": "v4l2", "device": device}
    running = started(appliance)
    running.await_line("taken by another process or is no camera; opening it anew")
    running.stop()
    assert running.process.returncode == 0


def test_a_network_camera_that_nobody_allowed(appliance: Appliance) -> None:
    appliance.sections["camera"] |= {"backend": "network", "url": "http://127.0.0.1:1/stream"}
    code, sentence = refused(appliance)
    assert code == 10
    assert "camera.allowed_address" in sentence


def test_settings_of_a_newer_version(appliance: Appliance) -> None:
    appliance.sections["hologram"] = {"depth": 3}
    code, sentence = refused(appliance)
    assert code == 10
    assert "hologram: unknown setting" in sentence


@ROOT_ONLY
def test_a_read_only_root(appliance: Appliance) -> None:
    appliance.history.mkdir(mode=0o700)
    place = shlex.quote(str(appliance.history))
    appliance.prefix = among(f"mount --bind {place} {place}; mount -o remount,ro,bind {place}")
    code, sentence = refused(appliance)
    assert code == 44
    assert "Read-only file system" in sentence


@ROOT_ONLY
def test_a_disk_that_fills_up_and_is_emptied_again(appliance: Appliance) -> None:
    """The service stays, says so on the display and in the state, and files again when there is room."""
    appliance.history.mkdir(mode=0o700)
    place = shlex.quote(str(appliance.history))
    appliance.prefix = among(f"mount -t tmpfs -o size=30m,mode=0700 none {place}")
    running = started(appliance)
    running.await_line("Scan filed", LONG_S)
    filler = Path(f"/proc/{running.process.pid}/root{appliance.history}/filler")
    fill(filler)
    running.await_line("A scan was not filed", LONG_S)
    wait_until(lambda: "storage_full" in told(appliance)["codes"], LONG_S)
    assert appliance.folder.joinpath("state.json").exists()
    before = told(appliance)["scans_filed"]
    filler.unlink()
    wait_until(lambda: told(appliance)["scans_filed"] > before, LONG_S)
    wait_until(lambda: "storage_full" not in told(appliance)["codes"], LONG_S)
    assert "storage_low" in told(appliance)["codes"], "30 MB are little"
    assert running.process.poll() is None
    running.stop()
    assert running.process.returncode == 0


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = syscall(SYS_clock_gettime, clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec %= 86400;
    return done;
}
"""


def test_a_clock_that_stands_in_1970(appliance: Appliance, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    (tmp_path / "clock.c").write_text(CLOCK, encoding="ascii")
    shim = tmp_path / "clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(shim), str(tmp_path / "clock.c")], check=True)
    appliance.environment = {"LD_PRELOAD": str(shim)}
    running = started(appliance)
    running.await_line("Scan filed", LONG_S)
    wait_until(lambda: "clock_unset" in told(appliance)["codes"] and told(appliance)["scans_filed"] >= 1, LONG_S)
    assert running.said.count("Not well: clock unset") == 1
    running.stop()
    listed = json.loads(appliance.call("history", "list", "--json").stdout)
    assert "1970-01-" in json.dumps(listed), "the scan is filed, with the date that the device had"
