"""A subscriber of somebody else's, by Node.js: it knows the AsyncAPI document and nothing more."""

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance import wait_until
from node import CONTRACT, node


@dataclass
class Stranger:
    """The running subscriber; what it makes of each message is in `heard`."""

    process: "subprocess.Popen[bytes]"
    output: Path
    _read: int = 0
    _heard: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def listening(cls, port: int, output: Path) -> "Stranger":
        """Start it and wait until it has subscribed."""
        command = node("subscriber.mjs", CONTRACT / "asyncapi.json", f"mqtt://127.0.0.1:{port}")
        with output.open("wb") as stream:
            stranger = cls(subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT), output)
        wait_until(lambda: "ready" in output.read_text(encoding="utf-8") or stranger.process.poll() is not None)
        assert stranger.process.poll() is None, output.read_text(encoding="utf-8")
        return stranger

    @property
    def heard(self) -> list[dict[str, Any]]:
        """Topic, channel, bytes and problems of each message."""
        with self.output.open("rb") as stream:
            stream.seek(self._read)
            whole, newline, _ = stream.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        self._heard += [json.loads(line) for line in whole.splitlines() if line != b"ready"]
        return self._heard

    @property
    def channels(self) -> Counter[str]:
        """How many messages it understood, by channel."""
        return Counter(str(message["channel"]) for message in self.heard)

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What it did not understand."""
        return [message for message in self.heard if message["problems"]]

    def await_messages(self, count: int) -> None:
        """Wait until so many messages were heard."""
        wait_until(lambda: len(self.heard) >= count)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)
