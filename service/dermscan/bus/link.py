"""Keeps one connection to the broker up, on a thread of its own. It knows nothing of what is said over it."""

import logging
import random
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from paho.mqtt.enums import MQTTProtocolVersion

from dermscan.bus.endings import Ended, Ending
from dermscan.bus.events import HealthCode
from dermscan.bus.identity import Identity
from dermscan.bus.outbox import Outbox
from dermscan.bus.session import Hooks, Session
from dermscan.bus.topics import Topics
from dermscan.errors import BusRefused
from dermscan.settings import BusSettings

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.5
"""Longest pause between attempts: the state is right within two seconds of the broker's return."""

LONGEST_REFUSED_PAUSE_S = 10.0
"""The same after a refusal, which only a person can mend."""

STEADY_S = 5.0
"""A connection that lasts as long is a good one."""

CUT_SHORT_TIMES = 4
"""Connections in a row that end sooner, after which another client is suspected to use the same identity."""

_AWAY = frozenset({Ending.ABSENT, Ending.LOST, Ending.REFUSED})

_log = logging.getLogger(__name__)


def pause_s(attempt: int, longest_s: float, chance: float) -> float:
    """Seconds until the next attempt: exponential back-off with full jitter.

    Args:
        attempt: Number of attempts that have failed in a row, from 0.
        longest_s: Bound of the pause.
        chance: A random number, 0 to 1.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015 ("full jitter").
    """
    return float(chance * min(longest_s, FIRST_PAUSE_S * 2 ** min(attempt, 16)))


class Link:
    """A connection to the broker that comes back by itself."""

    def __init__(
        self,
        settings: BusSettings,
        identity: Identity,
        topics: Topics,
        outbox: Outbox,
        *,
        on_connected: Callable[[], None],
        on_command: Callable[[str, bytes, bool, bool], None],
        on_trouble: Callable[[HealthCode], None],
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._topics = topics
        self._outbox = outbox
        self._on_connected = on_connected
        self._on_trouble = on_trouble
        self._hooks = Hooks(self._connected, self._restricted, on_command)
        self._protocol = MQTTProtocolVersion.MQTTv5
        self._up = threading.Event()
        self._stopping = threading.Event()
        self._first: Future[None] = Future()
        self._connected_at: float | None = None
        self._older_spoken = False
        self._was_away = False
        self._failures = 0
        self._cut_short = 0
        self._told: set[Ending | HealthCode] = set()
        self._waker, self._bell = socket.socketpair()
        self._waker.setblocking(False)
        self._bell.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker holds this device for connected."""
        return self._up.is_set()

    def start(self, timeout_s: float) -> None:
        """Begin, and wait for what the first attempt brings; an absent broker is waited for in the background.

        Raises:
            BusRefused: The broker refuses this device, or this device the broker.
        """
        self._thread.start()
        with suppress(TimeoutError):
            self._first.result(timeout_s)

    def wake(self) -> None:
        """Let the network thread look into the outbox."""
        # A full bell has been heard; a closed one has nobody to hear it
        with suppress(OSError):
            self._bell.send(b"\0")

    def stop(self, timeout_s: float) -> None:
        """Say goodbye to the broker and end; an attempt under way ends by itself."""
        self._stopping.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        else:
            self._close_bell()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set() and self._attempted():
                pass
        finally:
            self._up.clear()
            self._close_bell()

    def _attempted(self) -> bool:
        """One connection from beginning to end and the pause after it; False when there shall be no other."""
        ended = Session(
            self._settings, self._identity, self._topics, self._outbox, self._hooks, self._waker, self._protocol
        ).run(self._stopping)
        self._up.clear()
        if ended.how is Ending.OLDER:
            self._protocol = MQTTProtocolVersion.MQTTv311
            return True
        if ended.how is Ending.REFUSED and not self._first.done():
            self._first.set_exception(BusRefused(problem=ended.problem))
            return False
        ended = self._judged(ended)
        self._note(ended)
        self._pause(ended.how)
        return True

    def _pause(self, how: Ending) -> None:
        by_hand = how in {Ending.REFUSED, Ending.TAKEN_OVER}
        longest_s = LONGEST_REFUSED_PAUSE_S if by_hand else LONGEST_PAUSE_S
        attempt = self._failures + (6 if by_hand else 0)
        self._failures += 1
        # Jitter needs no secrecy
        self._stopping.wait(pause_s(attempt, longest_s, random.random()))  # noqa: S311

    def _judged(self, ended: Ended) -> Ended:
        """Tell a connection that is taken away again and again from one that was lost: few brokers say which it is."""
        if self._connected_at is None:
            # A broker that nobody can reach is going up and down; it is not taken away from this device alone
            self._cut_short = 0
            return ended
        steady = time.monotonic() - self._connected_at >= STEADY_S
        self._connected_at = None
        self._cut_short = 0 if steady else self._cut_short + 1
        if steady:
            self._failures = 0
        taken = ended.how is Ending.LOST and self._cut_short >= CUT_SHORT_TIMES
        return Ended(Ending.TAKEN_OVER) if taken else ended

    def _note(self, ended: Ended) -> None:
        """Say once that the broker is away and why; the return is said by `_connected`."""
        if not self._first.done():
            self._first.set_result(None)
        if ended.how is Ending.ABSENT and not self._older_spoken:
            self._protocol = MQTTProtocolVersion.MQTTv5
        if ended.how is Ending.TAKEN_OVER:
            self._on_trouble(HealthCode.IDENTITY_IN_USE)
        self._was_away = True
        flapping = ended.how is Ending.LOST and self._cut_short > 1
        if ended.how is Ending.STOPPED or ended.how in self._told or flapping:
            return
        if ended.how is Ending.REFUSED:
            _log.error("The broker refuses this device: %s", ended.problem)
        elif ended.how is Ending.TAKEN_OVER:
            _log.error("Another client seems to use this device's identity on the bus")
        elif not self._told & _AWAY:
            _log.warning("The broker is away; scanning goes on and it is tried again")
        self._told.add(ended.how)

    def _connected(self) -> None:
        self._connected_at = time.monotonic()
        self._older_spoken = self._protocol == MQTTProtocolVersion.MQTTv311
        if self._was_away:
            self._on_trouble(HealthCode.BROKER_WAS_AWAY)
        if self._told & _AWAY:
            _log.info("The broker is back")
        self._told -= _AWAY
        self._up.set()
        self._on_connected()
        if not self._first.done():
            self._first.set_result(None)

    def _restricted(self) -> None:
        self._on_trouble(HealthCode.BROKER_RESTRICTS)
        if HealthCode.BROKER_RESTRICTS not in self._told:
            self._told.add(HealthCode.BROKER_RESTRICTS)
            _log.error("The broker does not let this device use its own topics")

    def _close_bell(self) -> None:
        self._bell.close()
        self._waker.close()
