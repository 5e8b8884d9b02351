"""The way to the history: opened for reading at the first need, written to for a moment. It keeps nothing decrypted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings


class HistoryDoor:
    """One history, opened once; a failure to open it is told at every try, and the next try may succeed."""

    def __init__(self, settings: HistorySettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._history: History | None = None

    def reading(self) -> History:
        """The history, to read beside the service.

        Raises:
            HistoryError: It does not open.
        """
        with self._lock:
            if self._history is None:
                key = load_master_key(self._settings)
                self._history = History.open(self._settings.folder, key, create=False, read_only=True)
            return self._history

    @contextmanager
    def writing(self) -> Iterator[History]:
        """The history, to write to beside the service for a moment.

        Raises:
            HistoryError: It does not open, or another process has the turn for long.
        """
        history = self.reading()
        with history.moment():
            yield history

    def close(self) -> None:
        """Close it."""
        with self._lock:
            if self._history is not None:
                self._history.close()
                self._history = None
