"""A real Mosquitto to start, stop, restart and listen to; mosquitto_sub is the independent witness."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest

from appliance import wait_until
from dermscan.settings import BusSettings

PATIENCE_S = 20.0


def program(name: str, package: str) -> str:
    found = shutil.which(name, path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin")
    if found is None:
        pytest.fail(f"{name} is not installed: apt-get install {package}")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Witness:
    """mosquitto_sub, writing down what it sees as `(topic, retained, payload)`."""

    def __init__(self, connection: list[str], topic: str, out: Path) -> None:
        self._out = out
        command = [program("mosquitto_sub", "mosquitto-clients"), *connection]
        command += ["-q", "1", "-F", "%t\t%r\t%p", "-t", topic]
        with out.open("wb") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)

    def seen(self) -> list[tuple[str, bool, str]]:
        lines = [line.split("\t", 2) for line in self._out.read_text().split("\n")[:-1]]
        return [(line[0], line[1] == "1", line[2]) for line in lines if len(line) == 3]

    def await_payload(self, topic: str, wanted: str, patience_s: float = PATIENCE_S) -> tuple[str, bool, str]:
        def hits() -> list[tuple[str, bool, str]]:
            return [seen for seen in self.seen() if seen[0].endswith(topic) and wanted in seen[2]]

        wait_until(lambda: bool(hits()), patience_s)
        return hits()[-1]

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)


@dataclass
class Mosquitto:
    folder: Path
    listener: list[str]
    extra: list[str] = field(default_factory=lambda: ["allow_anonymous true"])
    port: int = 0
    socket_path: Path | None = None
    client: list[str] = field(default_factory=list)
    process: "subprocess.Popen[bytes] | None" = None
    witnesses: list[Witness] = field(default_factory=list)

    def start(self) -> "Mosquitto":
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join(["persistence false", "log_dest none", *self.listener, *self.extra]) + "\n")
        self.process = subprocess.Popen(
            [program("mosquitto", "mosquitto"), "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self.answers, PATIENCE_S)
        return self

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "mosquitto ended"
        family, address = (
            (socket.AF_UNIX, str(self.socket_path)) if self.socket_path else (socket.AF_INET, ("127.0.0.1", self.port))
        )
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(address) == 0

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE_S)
            self.process = None

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    @property
    def connection(self) -> list[str]:
        where = ["--unix", str(self.socket_path)] if self.socket_path else ["-h", "127.0.0.1", "-p", str(self.port)]
        return where + self.client

    def witness(self, topic: str = "dermscan/#") -> Witness:
        witness = Witness(self.connection, topic, self.folder / f"witness-{len(self.witnesses)}.txt")
        self.witnesses.append(witness)
        return witness

    def retained(self, topic: str) -> str:
        """What a newcomer is told, empty when nothing is retained."""
        command = [program("mosquitto_sub", "mosquitto-clients"), *self.connection]
        command += ["--retained-only", "-C", "1", "-W", "2", "-t", topic]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.rstrip("\n")

    def send(self, topic: str, *arguments: str, payload: bytes = b"") -> None:
        command = [program("mosquitto_pub", "mosquitto-clients"), *self.connection, "-q", "1", "-t", topic, *arguments]
        subprocess.run([*command, "-s" if payload else "-n"], input=payload, check=True)

    def settings(self, **more: object) -> BusSettings:
        if self.socket_path:
            return BusSettings.model_validate({"transport": "unix", "socket": self.socket_path, **more})
        return BusSettings.model_validate({"transport": "tcp", "port": self.port, **more})


MakeBroker: TypeAlias = Callable[..., Mosquitto]


def own_name() -> str:
    """The broker stays who the tests are, so that it can read what they wrote."""
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
