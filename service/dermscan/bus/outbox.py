"""What waits to be sent: the last status and health, and a bounded row of events. It never grows, never blocks.

Whatever a newer payload overtakes, and whatever event cannot wait, is counted.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

EVENTS_MAX = 64
"""Events that may wait while the broker is slow. While it is away none waits: an event is news or nothing."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way.

    Attributes:
        topic: Where it goes.
        payload: The message itself.
        retain: Whether the broker keeps it for those who come later.
    """

    topic: str
    payload: bytes
    retain: bool


class Outbox:
    """Messages waiting for the network thread. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: dict[str | int, Parcel] = {}
        self._waiting: OrderedDict[str | int, Parcel] = OrderedDict()
        self._events = 0
        self._numbered = 0
        self._open = False
        self._coalesced = 0

    @property
    def coalesced(self) -> int:
        """Messages that were overtaken or fell out."""
        with self._lock:
            return self._coalesced

    def put_state(self, topic: str, payload: bytes) -> None:
        """Take a retained message; an unsent one of the same topic is overtaken and counted."""
        with self._lock:
            self._coalesced += topic in self._waiting
            self._replace(topic, payload)

    def refresh_state(self, topic: str, payload: bytes) -> None:
        """Take the same retained message told anew: the unsent one is replaced and nothing is lost by it."""
        with self._lock:
            self._replace(topic, payload)

    def put_event(self, topic: str, payload: bytes) -> None:
        """Take an event; it is counted instead when the broker is away, and the oldest is when too many wait."""
        with self._lock:
            if not self._open:
                self._coalesced += 1
                return
            if self._events >= EVENTS_MAX:
                self._drop_oldest_event()
            self._numbered += 1
            self._events += 1
            self._waiting[self._numbered] = Parcel(topic, payload, retain=False)

    def open(self) -> None:
        """The broker is there: all retained state is to be sent again, whatever was sent before."""
        with self._lock:
            self._open = True
            self._waiting = OrderedDict(self._state)
            self._events = 0

    def close(self, unacknowledged_events: int) -> None:
        """The broker is gone: events that wait or were never acknowledged are counted as lost."""
        with self._lock:
            self._open = False
            self._coalesced += self._events + unacknowledged_events
            self._events = 0
            self._waiting = OrderedDict((key, parcel) for key, parcel in self._waiting.items() if parcel.retain)

    def take(self) -> Parcel | None:
        """Hand out the message that has waited longest, None when nothing waits."""
        with self._lock:
            if not self._waiting:
                return None
            _, parcel = self._waiting.popitem(last=False)
            self._events -= not parcel.retain
            return parcel

    def _replace(self, topic: str, payload: bytes) -> None:
        parcel = Parcel(topic, payload, retain=True)
        self._state[topic] = parcel
        self._waiting[topic] = parcel
        self._waiting.move_to_end(topic)

    def _drop_oldest_event(self) -> None:
        oldest = next(key for key, parcel in self._waiting.items() if not parcel.retain)
        del self._waiting[oldest]
        self._events -= 1
        self._coalesced += 1
