"""How long the service takes from its start to READY, by the very message that systemd waits for."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from dermscan.domain import Frame
from dermscan.errors import DermscanError
from dermscan.history.keys import create_key_file
from dermscan.settings import ModelSettings

PATIENCE_S = 60.0
LOOK_S = 0.5
LONGEST_MESSAGE = 4096


def cold_start_s(settings: ModelSettings, frame: Frame) -> float:
    """Start the service as a process of its own, over a replay camera and an empty history, without a bus.

    Args:
        settings: Which bundle, and how it is run.
        frame: What the camera shows.

    Returns:
        Seconds from the start of the process to READY=1.

    Raises:
        DermscanError: The service ended, or was not ready within `PATIENCE_S`.
    """
    with TemporaryDirectory() as name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        folder = Path(name)
        manager.bind(str(folder / "notify"))
        command = [sys.executable, "-m", "dermscan", "--settings", str(_prepared(folder, settings, frame)), "run"]
        environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify")}
        said = folder / "said.txt"
        with said.open("wb") as stream:
            begun = time.monotonic()
            process = subprocess.Popen(command, env=environment, stderr=stream)  # noqa: S603 - our own command
        try:
            ready = _await_ready(manager, process)
            spent = time.monotonic() - begun
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
        if not ready:
            last = said.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
            raise DermscanError(problem=f"the service that was to be timed did not get ready: {last}")
        return round(spent, 2)


def _await_ready(manager: socket.socket, process: "subprocess.Popen[bytes]") -> bool:
    """Whether the service says that it is ready before it ends or `PATIENCE_S` is over."""
    until = time.monotonic() + PATIENCE_S
    manager.settimeout(LOOK_S)
    while process.poll() is None and time.monotonic() < until:
        with suppress(TimeoutError):
            if b"READY=1" in manager.recv(LONGEST_MESSAGE).splitlines():
                return True
    return False


def _prepared(folder: Path, settings: ModelSettings, frame: Frame) -> Path:
    """A device in a folder; its settings file."""
    (folder / "pictures").mkdir()
    cv2.imwrite(str(folder / "pictures" / "frame.png"), frame.pixels[..., ::-1])
    create_key_file(folder / "key")
    sections: dict[str, dict[str, object]] = {
        "camera": {"backend": "replay", "source": folder / "pictures"},
        "models": settings.model_dump(mode="json", exclude_none=True),
        "history": {"folder": folder / "history", "key_file": folder / "key"},
        "bus": {"enabled": False},
        "health": {"state_file": folder / "state.json"},
    }
    lines = [
        f"[{section}]\n" + "".join(f"{key} = {json.dumps(value, default=str)}\n" for key, value in values.items())
        for section, values in sections.items()
    ]
    (folder / "settings.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder / "settings.toml"
