"""Stands in systemd's place: takes READY and the watchdog's food, ends what starves, and starts anew what has died."""

import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

UNIT = Path(__file__).parents[2] / "systemd" / "dermscan.service"
WATCHDOG_S = 15.0
"""Half of the unit's, so that a run does not consist of waiting."""

RESTART_S = 1.0
LOOK_S = 0.05


def stays_down() -> frozenset[int]:
    """Exit codes after which the unit is not started anew."""
    found = re.search(r"^RestartPreventExitStatus=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return frozenset({0, *map(int, found[1].split())})


@dataclass
class Life:
    """One process of the service.

    Attributes:
        started: When it was started (monotonic seconds), as are the others.
        ready: When it was ready, None until then.
        ended: When its end was seen.
        fed: When it last said that it is alive.
        code: What it left, negative for a signal.
        filed_before: Scans in the history when it started.
        filed_after: Scans in the history when it had ended.
    """

    process: "subprocess.Popen[bytes]"
    started: float
    ready: float | None = None
    ended: float | None = None
    fed: float | None = None
    code: int | None = None
    filed_before: int = 0
    filed_after: int | None = None


class Keeper:
    """Keeps one service alive. What starts it and what counts its scans comes from outside."""

    def __init__(self, folder: Path, start: Callable[[], "subprocess.Popen[bytes]"], count: Callable[[], int]) -> None:
        self.address = folder / "notify"
        self.lives: list[Life] = []
        self._start, self._count = start, count
        self._prevented = stays_down()
        self._ending = threading.Event()
        self._lock = threading.RLock()
        self._threads = [threading.Thread(target=work) for work in (self._listen, self._watch)]

    @property
    def environment(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": str(self.address), "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6))}

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def alive(self) -> bool:
        return self.life.ended is None

    @property
    def ready(self) -> bool:
        return self.alive and self.life.ready is not None

    def begin(self) -> None:
        """Start the service for the first time, and the watch over it."""
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(str(self.address))
        self._heard.settimeout(LOOK_S)
        self.start()
        for thread in self._threads:
            thread.start()

    def start(self) -> None:
        """Start a service that is down."""
        with self._lock:
            before = self._count()
            self.lives.append(Life(self._start(), time.monotonic(), filed_before=before))

    def send(self, number: signal.Signals) -> None:
        self.life.process.send_signal(number)

    def end(self) -> None:
        """End the service in order, and the watch."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        if self.life.process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            self.life.process.wait(60)
        self._note_end()
        self._heard.close()

    def _listen(self) -> None:
        while not self._ending.is_set():
            try:
                said = self._heard.recv(4096)
            except TimeoutError:
                continue
            now = time.monotonic()
            if b"READY=1" in said:
                self.life.ready = self.life.ready or now
            if b"READY=1" in said or b"WATCHDOG=1" in said:
                self.life.fed = now

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_S):
            with self._lock:
                if self.life.process.poll() is None:
                    self._end_if_starved()
                elif self.life.ended is None:
                    self._note_end()
                    if self.life.code not in self._prevented:
                        self._ending.wait(RESTART_S)
                        self.start()

    def _end_if_starved(self) -> None:
        fed = self.life.fed
        if fed is not None and time.monotonic() - fed > WATCHDOG_S:
            self.send(signal.SIGABRT)
            self.send(signal.SIGKILL)
            self.life.process.wait(60)

    def _note_end(self) -> None:
        if self.life.ended is None:
            self.life.code = self.life.process.poll()
            self.life.filed_after = self._count()
            self.life.ended = time.monotonic()
