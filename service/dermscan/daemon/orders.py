"""The one scan that may be wanted: asked for by a command, waiting for a good picture."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """A scan that is wanted.

    Attributes:
        lesion_id: The lesion it belongs to, None for the inbox.
        by_command: Whether somebody asked for it; otherwise a lesion was held still.
    """

    lesion_id: str | None = None
    by_command: bool = False


class OrderBook:
    """Holds at most one order. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order: Order | None = None

    @property
    def free(self) -> bool:
        """Whether an order would be taken."""
        with self._lock:
            return self._order is None

    def place(self, order: Order) -> bool:
        """Take an order unless one waits already; whether it was taken."""
        with self._lock:
            if self._order is not None:
                return False
            self._order = order
            return True

    def pending(self) -> Order | None:
        """The order that waits, if any; it goes on waiting."""
        with self._lock:
            return self._order

    def close(self) -> bool:
        """Forget the order, which is carried out or broken off; False when there is none, or no longer."""
        with self._lock:
            there = self._order is not None
            self._order = None
            return there
