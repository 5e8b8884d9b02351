"""Runs the daemon over a replayed phantom, and reads from the kernel what it needs: time of the processor, memory."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2

from dermscan.capture.phantom.motion import EMPTY, HELD
from dermscan.capture.phantom.scene import PhantomStage
from dermscan.history.keys import create_key_file

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SCAN_LINE = "Scan filed"
PATIENCE_S = 120.0
RATE_HZ = 10.0
DWELL_S = 5.0
"""Seconds for which each picture is in view; every other one is a lesion, and scanned."""


def run_device(width: int, height: int, seconds: float) -> dict[str, Any]:
    """Run until the first scan is filed and so long from then on.

    Args:
        width: Columns of the camera's frames.
        height: Rows.
        seconds: How long it is looked at.

    Returns:
        Share of one core, resident megabytes (10^6) at their greatest and at the end, scans, threads.
    """
    with tempfile.TemporaryDirectory() as name:
        settings, said = _prepared(Path(name), width, height), Path(name) / "said"
        command = [sys.executable, "-m", "dermscan", "--settings", str(settings), "run"]
        with said.open("wb") as stream:
            process = subprocess.Popen(command, stderr=stream)  # noqa: S603 - our own command
        try:
            return _looked_at(process, said, seconds)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _looked_at(process: "subprocess.Popen[bytes]", said: Path, seconds: float) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_S
    while SCAN_LINE not in said.read_text(encoding="utf-8") and time.monotonic() < until:
        time.sleep(0.1)
    before, begun = _cpu_s(process.pid), time.monotonic()
    time.sleep(seconds)
    spent = (_cpu_s(process.pid) - before) / (time.monotonic() - begun)
    status = _status(process.pid)
    return {
        "rate_hz": RATE_HZ,
        "share_of_one_core": round(spent, 3),
        "peak_mb": round(int(status["VmHWM"].split()[0]) * 1024 / 1e6, 1),
        "resident_mb": round(int(status["VmRSS"].split()[0]) * 1024 / 1e6, 1),
        "threads": int(status["Threads"]),
        "scans": said.read_text(encoding="utf-8").count(SCAN_LINE),
    }


def _prepared(folder: Path, width: int, height: int) -> Path:
    """A device whose camera shows skin and lesions in turn."""
    pictures, stage = folder / "pictures", PhantomStage(width, height, seed=0)
    pictures.mkdir()
    for number in range(2):
        stage.show(number)
        for pose, place in ((EMPTY, "a"), (HELD, "b")):
            cv2.imwrite(str(pictures / f"{number}{place}.png"), stage.picture(pose, number)[..., ::-1])
    create_key_file(folder / "key")
    lines = [
        "[camera]",
        f'backend = "replay"\nsource = "{pictures}"\nrate_hz = {RATE_HZ}\ndwell_s = {DWELL_S}',
        f'[history]\nfolder = "{folder / "history"}"\nkey_file = "{folder / "key"}"',
        f'[bus]\nenabled = false\n[health]\nstate_file = "{folder / "state.json"}"',
    ]
    (folder / "settings.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "settings.toml"


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S
