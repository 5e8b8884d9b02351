"""Signs of life: when a part of the work last went on."""

import threading
import time
from collections.abc import Callable


class Pulse:
    """When a part of the work last went on. The watchdog is fed only while every pulse is alive."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin alive.

        Args:
            limit_s: Seconds without a beat after which the work counts as hanging.
            clock: Monotonic seconds.
        """
        self._limit_s = limit_s
        self._clock = clock
        self._lock = threading.Lock()
        self._last = clock()

    def beat(self) -> None:
        """Say that the work went on just now."""
        with self._lock:
            self._last = self._clock()

    @property
    def alive(self) -> bool:
        """Whether the last beat is recent enough."""
        with self._lock:
            return self._clock() - self._last <= self._limit_s
