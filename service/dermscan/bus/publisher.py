"""The daemon's mouth and ear on the bus. Publishing never blocks and never fails; what could not be said is counted."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from dermscan.bus.events import (
    COUNT_MAX,
    Availability,
    Command,
    CommandRefusal,
    CommandRefused,
    Event,
    Health,
    HealthCode,
    Payload,
    Status,
)
from dermscan.bus.home_assistant import discovery, discovery_topic
from dermscan.bus.identity import read_identity
from dermscan.bus.intake import CommandIntake
from dermscan.bus.link import Link
from dermscan.bus.outbox import Outbox
from dermscan.bus.topics import Topics
from dermscan.settings import BusSettings

STOP_S = 0.95
"""Seconds for which stopping may take: under one in all."""

RECENT_S = 3600.0
"""Seconds for which a passing trouble stays in `/health`."""

REFUSAL_EVENTS_HZ = 1.0

_log = logging.getLogger(__name__)


class BusPublisher:
    """Tells the room how the work stands and takes commands. Every method may be called from any thread."""

    def __init__(
        self,
        settings: BusSettings,
        device_label: str,
        *,
        on_command: Callable[[Command], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read what is needed to connect; nothing is sent before `start`.

        Args:
            settings: The section `bus` of the settings. With `enabled` false nothing is ever sent.
            device_label: The device's own label.
            on_command: Called, on a thread of its own, with each command that passed the intake, one after the other;
                while one waits or runs further ones of its kind are refused as busy.
            clock: Seconds on the monotonic clock.

        Raises:
            SettingsError: A file that the settings name cannot be used, or the label has forbidden characters.
        """
        self._enabled = settings.enabled
        self._topics = Topics(device_label)
        self._on_command = on_command
        self._clock = clock
        self._outbox = Outbox()
        self._intake = CommandIntake(clock)
        self._lock = threading.Lock()
        self._seq = 0
        self._health: Health | None = None
        self._troubles: dict[HealthCode, float] = {}
        self._refusal_said_at = -RECENT_S
        self._handling: dict[type[Command], Future[None]] = {}
        self._handler = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bus-command")
        self._link = Link(
            settings,
            read_identity(settings),
            self._topics,
            self._outbox,
            on_connected=self._refresh_health,
            on_command=self._take_command,
            on_trouble=self._note_trouble,
        )
        self._outbox.put_state(self._topics.availability, Availability.ONLINE.encode())
        if settings.home_assistant:
            self._outbox.put_state(discovery_topic(self._topics), discovery(self._topics))

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._link.connected

    @property
    def health(self) -> Health | None:
        """The last health that was handed over, with the bus's own codes and counters as they are now."""
        with self._lock:
            return None if self._health is None else self._completed(self._health)

    def start(self, first_connect_timeout_s: float = 5.0) -> None:
        """Connect. An absent broker is no error: it is looked for in the background from now on.

        Args:
            first_connect_timeout_s: Seconds for which the first attempt is waited for.

        Raises:
            BusRefused: The broker refuses this device's identity, or its own is not the one of the settings.
        """
        if self._enabled:
            self._link.start(first_connect_timeout_s)

    def stop(self) -> None:
        """Publish `stopped` and disconnect, within a second."""
        self._link.stop(STOP_S)
        self._handler.shutdown(wait=False, cancel_futures=True)

    def publish_status(self, status: Status) -> None:
        """Tell how the work stands; only the last one counts. `seq` is stamped here."""
        with self._lock:
            self._outbox.put_state(self._topics.status, self._stamped(status))
        self._link.wake()

    def publish_health(self, health: Health) -> None:
        """Tell how the device is. `seq`, the bus's own counters and codes are filled in here."""
        with self._lock:
            self._health = health
            self._outbox.put_state(self._topics.health, self._stamped(self._completed(health)))
        self._link.wake()

    def publish_event(self, event: Event) -> None:
        """Tell what has just happened; it is counted as coalesced when the broker is away. `seq` is stamped here."""
        with self._lock:
            self._outbox.put_event(self._topics.event(event), self._stamped(event))
        self._link.wake()

    def refuse_command(self, code: CommandRefusal) -> None:
        """Count and tell that a command which passed the intake is not carried out."""
        self._intake.refuse()
        self._tell_refusal(code)

    def _stamped(self, payload: Payload) -> bytes:
        stamped = payload.model_copy(update={"seq": self._seq})
        self._seq = 0 if self._seq >= COUNT_MAX else self._seq + 1
        return stamped.model_dump_json().encode()

    def _completed(self, health: Health) -> Health:
        recent = {code for code, since in self._troubles.items() if self._clock() - since < RECENT_S}
        return health.model_copy(
            update={
                "codes": health.codes | recent,
                "commands_refused": min(self._intake.refused, COUNT_MAX),
                "coalesced": min(self._outbox.coalesced, COUNT_MAX),
            }
        )

    def _refresh_health(self) -> None:
        """After every connect the health tells at once what was coalesced meanwhile."""
        with self._lock:
            if self._health is not None:
                self._outbox.refresh_state(self._topics.health, self._stamped(self._completed(self._health)))

    def _note_trouble(self, code: HealthCode) -> None:
        with self._lock:
            self._troubles[code] = self._clock()

    def _take_command(self, topic: str, payload: bytes, retained: bool, redelivered: bool) -> None:  # noqa: FBT001 - a callback
        kind = self._topics.commands.get(topic)
        if kind is None:
            self.refuse_command(CommandRefusal.MALFORMED)
            return
        verdict = self._intake.judge(kind, payload, retained=retained, redelivered=redelivered)
        handling = self._handling.get(kind)
        if isinstance(verdict, CommandRefusal):
            self._tell_refusal(verdict)
        elif handling is not None and not handling.done():
            self.refuse_command(CommandRefusal.BUSY)
        else:
            self._handling[kind] = self._handler.submit(self._on_command, verdict)
            self._handling[kind].add_done_callback(_report_failure)

    def _tell_refusal(self, code: CommandRefusal) -> None:
        self._note_trouble(HealthCode.COMMANDS_REFUSED)
        with self._lock:
            if self._clock() - self._refusal_said_at < 1 / REFUSAL_EVENTS_HZ:
                return
            self._refusal_said_at = self._clock()
        self.publish_event(CommandRefused(code=code))


def _report_failure(handling: Future[None]) -> None:
    """A handler that fails takes nothing with it and is not silent; its message may hold anything and is not told."""
    if not handling.cancelled() and (error := handling.exception()) is not None:
        _log.error("A command was not carried out: %s", type(error).__name__)
