"""A whole device in a folder: settings, key, history, and the real `dermscan` command as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
Sections = dict[str, dict[str, Any]]


def wait_until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


@dataclass
class Running:
    """The service as a process; what it says is in `said`."""

    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def await_line(self, wanted: str, patience_s: float = PATIENCE_S) -> None:
        def heard() -> bool:
            assert self.process.poll() is None or wanted in self.said, f"ended: {self.said}"
            return wanted in self.said

        wait_until(heard, patience_s)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal and wait for the end; the seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(PATIENCE_S)
        return time.monotonic() - begun


@dataclass
class Appliance:
    """A device that exists in one folder."""

    folder: Path
    sections: Sections = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: list[str] = field(default_factory=list)
    """Words before the command, such as those that put it into a name space."""
    started: list[Running] = field(default_factory=list)

    @property
    def history(self) -> Path:
        return self.folder / "history"

    @property
    def key_file(self) -> Path:
        return self.folder / "key"

    def write_settings(self) -> Path:
        """Write the settings file; a JSON value is a TOML value for everything used here."""
        path = self.folder / "settings.toml"
        lines = []
        for name, values in self.sections.items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {json.dumps(value, default=str)}" for key, value in values.items()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def command(self, *arguments: str) -> list[str]:
        return [*self.prefix, sys.executable, "-m", "dermscan", "--settings", str(self.write_settings()), *arguments]

    def call(self, *arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; `typed` is what a person answers it."""
        return subprocess.run(
            self.command(*arguments),
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            env=self._all(),
        )

    def start(self, *options: str) -> Running:
        """Start the service."""
        return self.start_command("run", *options)

    def start_command(self, *arguments: str) -> Running:
        """Start a command that runs until it is told to end."""
        output = self.folder / f"output-{len(self.started)}.txt"
        with output.open("wb") as stream:
            process = subprocess.Popen(
                self.command(*arguments),
                stdout=stream,
                stderr=stream,
                cwd=self.folder,
                env=self._all(),
            )
        self.started.append(Running(process, output))
        return self.started[-1]

    def end(self) -> None:
        for running in self.started:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait(PATIENCE_S)

    def _all(self) -> dict[str, str]:
        return {**os.environ, "COLUMNS": "200", **self.environment}
