"""Looks after the device's health every few seconds, says what is wrong, and writes it down for other programs."""

import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from dermscan import __version__
from dermscan.bus.events import Health
from dermscan.daemon.board import Board
from dermscan.health.judging import JUDGED, Calm, Readings, judged
from dermscan.health.machine import Machine, free_bytes, read_machine
from dermscan.health.metrics import prometheus_text
from dermscan.health.state import DeviceState, write_whole
from dermscan.settings import Settings

CHECKUP_EVERY_S = 5.0

_log = logging.getLogger(__name__)


class Subject(Protocol):
    """What is looked at of the work."""

    @property
    def frames_seen(self) -> int:
        """Frames that the camera gave."""

    @property
    def analysis_s(self) -> tuple[float | None, float | None]:
        """Seconds of the last scan and of the longest."""

    @property
    def bundle_hash(self) -> str:
        """SHA-256 of the bundle's manifest."""


class Mouth(Protocol):
    """What is asked of the bus."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""

    @property
    def health(self) -> Health | None:
        """The last health, with the bus's own codes and counters."""


class Checkup:
    """Looks at the machine and at the work. Used from one thread."""

    def __init__(
        self,
        settings: Settings,
        key: str,
        board: Board,
        bus: Mouth,
        subject: Subject,
        calm: Calm,
        root: Path = Path("/"),
    ) -> None:
        """Take what is looked at; nothing is read before `look`.

        Args:
            settings: Limits, and where to write.
            key: How well the history's key is kept.
            board: Where codes are raised and cleared.
            bus: Where the bus's own codes and counters come from.
            subject: The work.
            calm: Remembers the last looks, also over a reload of the settings.
            root: Where the machine's files lie.
        """
        self._settings = settings
        self._key = key
        self._board = board
        self._bus = bus
        self._subject = subject
        self._calm = calm
        self._root = root
        self._next_s = 0.0
        self._last_look: tuple[float, int] | None = None
        self._unwritable: set[Path] = set()

    def look_when_due(self, now_s: float) -> None:
        """Look once every few seconds, however often it is called; `now_s` is monotonic."""
        if now_s >= self._next_s:
            self._next_s = now_s + CHECKUP_EVERY_S
            self.look(now_s, time.time())

    def look(self, monotonic_s: float, clock_s: float) -> None:
        """Read, judge, tell and write once.

        Args:
            monotonic_s: Seconds on the monotonic clock.
            clock_s: Seconds since 1970 by the system's clock.
        """
        settings = self._settings
        machine = read_machine(clock_s, self._root)
        storage = free_bytes(settings.history.folder)
        rate = self._frame_rate(monotonic_s)
        last, longest = self._subject.analysis_s
        readings = Readings(
            machine=machine,
            now_s=clock_s,
            storage_free_bytes=storage,
            frame_rate_hz=None if self._board.camera_away else rate,
            frame_rate_wanted_hz=settings.camera.rate_hz,
            analysis_s=last,
        )
        self._tell(readings)
        self._write(self._state(monotonic_s, readings, longest))

    def say_farewell(self) -> None:
        """Take back what was written: a state that nobody renews says nothing. Where that fails it grows stale."""
        health = self._settings.health
        for path in (health.state_file, health.metrics_file):
            if path is not None:
                with suppress(OSError):
                    path.unlink()

    def _frame_rate(self, now_s: float) -> float | None:
        seen = self._subject.frames_seen
        before, self._last_look = self._last_look, (now_s, seen)
        if before is None or now_s <= before[0]:
            return None
        return (seen - before[1]) / (now_s - before[0])

    def _tell(self, readings: Readings) -> None:
        codes = self._calm.look(judged(readings, self._settings.health))
        raised, cleared = self._board.replace_codes(JUDGED, codes)
        for code in sorted(raised):
            _log.warning("Not well: %s", code.replace("_", " "))
        for code in sorted(cleared):
            _log.info("Well again: %s", code.replace("_", " "))

    def _state(self, monotonic_s: float, readings: Readings, longest_s: float | None) -> DeviceState:
        told = self._bus.health or Health()
        machine: Machine = readings.machine
        return DeviceState(
            written_s=monotonic_s,
            software=__version__,
            bundle=self._subject.bundle_hash,
            key=self._key,
            state=self._board.state,
            codes=tuple(sorted(told.codes | self._board.codes)),
            broker=self._bus.connected,
            uptime_s=self._board.uptime_s,
            scans_filed=told.scans_filed,
            scans_failed=self._board.scans_failed,
            frames_seen=self._subject.frames_seen,
            frames_refused=told.frames_refused,
            camera_losses=self._board.camera_losses,
            commands_refused=told.commands_refused,
            coalesced=told.coalesced,
            frame_rate_hz=readings.frame_rate_hz,
            frame_rate_wanted_hz=readings.frame_rate_wanted_hz,
            analysis_s=readings.analysis_s,
            analysis_longest_s=longest_s,
            temperature_c=machine.temperature_c,
            throttled=machine.throttled,
            under_voltage=machine.under_voltage,
            memory_free_bytes=machine.memory_free_bytes,
            memory_pressure=machine.memory_pressure,
            storage_free_bytes=readings.storage_free_bytes,
            clock_kept=machine.clock_kept,
        )

    def _write(self, state: DeviceState) -> None:
        health = self._settings.health
        if health.state_file.parent.is_dir():
            self._put(health.state_file, state.model_dump_json() + "\n")
        if health.metrics_file is not None:
            self._put(health.metrics_file, prometheus_text(state))

    def _put(self, path: Path, text: str) -> None:
        """Write a file; what cannot be written is said once, and once when it can be again."""
        try:
            write_whole(path, text)
        except OSError as error:
            if path not in self._unwritable:
                _log.warning("The state cannot be written for other programs: %s", error.strerror)
            self._unwritable.add(path)
            return
        if path in self._unwritable:
            self._unwritable.discard(path)
            _log.info("The state is written for other programs again")
