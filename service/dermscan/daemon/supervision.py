"""The supervised top level: a thread whose failure ends the service, so that systemd can start it anew."""

import logging
import threading
from collections.abc import Callable

from dermscan.errors import DermscanError

_log = logging.getLogger(__name__)


class Supervised:
    """A named thread. Whatever its work raises is kept for the main thread, which is woken at once."""

    def __init__(self, name: str, work: Callable[[], None], wake: Callable[[], None]) -> None:
        """Prepare the thread.

        Args:
            name: Name of the thread, and of the work in the journal.
            work: Runs until it is told to stop.
            wake: Called when the work has ended, for whatever reason.
        """
        self._work = work
        self._wake = wake
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begin the work."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the work; whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the one place where everything is caught: the service ends with it
            self.failure = error
            if not isinstance(error, DermscanError):
                _log.exception("The %s thread failed", self._thread.name)
        finally:
            self._wake()
