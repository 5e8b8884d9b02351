"""How the work stands: one place that tells the bus and systemd, and only when something has changed."""

import threading
import time
from typing import Protocol

from dermscan.bus.events import Event, Health, HealthCode, Status, WorkState
from dermscan.daemon.notification import Notify
from dermscan.domain import RejectReason
from dermscan.health.remedies import FAULTS

IDLE = frozenset({WorkState.READY, WorkState.FRAMING, WorkState.HOLD_STILL, WorkState.DONE})

CAMERA_AWAY = frozenset({HealthCode.CAMERA_LOST, HealthCode.CAMERA_STALLED})


class Announcer(Protocol):
    """What the board needs of the bus."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""

    def publish_status(self, status: Status) -> None:
        """Publish what the display shows."""

    def publish_health(self, health: Health) -> None:
        """Publish what a technician should know."""

    def publish_event(self, event: Event) -> None:
        """Publish what has just happened."""


class Board:
    """How the work stands. Safe from any thread."""

    def __init__(self, announcer: Announcer, notify: Notify) -> None:
        """Begin in the state `starting`."""
        self._announcer = announcer
        self._notify = notify
        self._lock = threading.RLock()
        self._status = Status(state=WorkState.STARTING)
        self._codes: set[HealthCode] = set()
        self._scans = 0
        self._refused = 0
        self.scans_failed = 0
        """Scans broken off because of the device."""
        self.camera_losses = 0
        """How often the camera was lost or fell silent."""
        self._started = time.monotonic()

    @property
    def state(self) -> WorkState:
        """What the display shows now."""
        with self._lock:
            return self._status.state

    def show(self, state: WorkState, guidance: RejectReason | None = None, progress: int = 0) -> None:
        """Show a state; a fault that prevents scanning stands in for an idle state, and what is done is done whole."""
        with self._lock:
            if state in IDLE and self._codes & FAULTS:
                state, guidance, progress = WorkState.FAULT, None, 0
            progress = 100 if state is WorkState.DONE else progress
            status = Status(state=state, guidance=guidance, progress=progress)
            if status != self._status:
                self._status = status
                self._announcer.publish_status(status)
                self.tell_systemd()

    def begin(self) -> None:
        """Publish the first status and health."""
        with self._lock:
            self._announcer.publish_status(self._status)
            self.publish_health()
            self.tell_systemd()

    def announce(self, event: Event) -> None:
        """Tell the room what has just happened."""
        self._announcer.publish_event(event)

    def raise_code(self, code: HealthCode) -> bool:
        """Note that something is wrong; whether that is new."""
        with self._lock:
            new = code not in self._codes
            self._codes.add(code)
            if new:
                self.publish_health()
            return new

    def clear_code(self, code: HealthCode) -> bool:
        """Note that something is mended; whether it was wrong before."""
        with self._lock:
            known = code in self._codes
            self._codes.discard(code)
            if known:
                self.publish_health()
            return known

    def replace_codes(
        self, of: frozenset[HealthCode], codes: frozenset[HealthCode]
    ) -> tuple[frozenset[HealthCode], frozenset[HealthCode]]:
        """Of some codes, have exactly these; all others stay.

        Returns:
            Those that are new, and those that are gone.
        """
        with self._lock:
            before = frozenset(self._codes) & of
            raised, cleared = (codes & of) - before, before - codes
            self._codes = (self._codes - cleared) | raised
            if raised or cleared:
                self.publish_health()
                self.tell_systemd()
            return raised, cleared

    @property
    def codes(self) -> frozenset[HealthCode]:
        """What is wrong now, without what the bus adds."""
        with self._lock:
            return frozenset(self._codes)

    @property
    def camera_away(self) -> bool:
        """Whether no frame can come."""
        return bool(self.codes & CAMERA_AWAY)

    @property
    def uptime_s(self) -> float:
        """Seconds since the board was made."""
        return time.monotonic() - self._started

    def count_failed_scan(self) -> None:
        """Count a scan broken off because of the device."""
        with self._lock:
            self.scans_failed += 1

    def count_camera_loss(self) -> None:
        """Count a loss or silence of the camera."""
        with self._lock:
            self.camera_losses += 1

    def count_scan(self) -> None:
        """Count a filed scan."""
        with self._lock:
            self._scans += 1

    def count_refused_frame(self) -> None:
        """Count a frame that the quality gate refused."""
        with self._lock:
            self._refused += 1

    def publish_health(self) -> None:
        """Publish the codes and counters as they are."""
        with self._lock:
            minutes = int(self.uptime_s) // 60
            health = Health(
                codes=frozenset(self._codes),
                scans_filed=self._scans,
                frames_refused=self._refused,
                uptime_minutes=minutes,
            )
            self._announcer.publish_health(health)

    def tell_systemd(self) -> None:
        """Renew the one line that `systemctl status` shows."""
        self._notify(f"STATUS={self.line()}")

    def line(self) -> str:
        """How the work stands, for a technician."""
        with self._lock:
            state = self._status.state.replace("_", " ")
            broker = "connected" if self._announcer.connected else "away"
            parts = [state, f"{self._scans} scans filed", f"broker {broker}"]
            return "; ".join([*parts, *sorted(code.replace("_", " ") for code in self._codes)])
