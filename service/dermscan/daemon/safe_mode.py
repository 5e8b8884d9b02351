"""Safe mode: after a crash loop the service stays up, takes no picture and opens no history, and says `fault`.

It ends by itself once `dermscan safe-mode clear` has deleted the record of the starts.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from dermscan import __version__
from dermscan.bus.events import HealthCode, WorkState
from dermscan.bus.publisher import BusPublisher
from dermscan.daemon.board import Board
from dermscan.daemon.notification import Notify, watchdog_interval_s
from dermscan.daemon.starts import Starts
from dermscan.errors import BusRefused
from dermscan.health.machine import read_machine
from dermscan.health.state import DeviceState, write_whole

LOOK_S = 1.0
"""Seconds between two looks at whether safe mode was left."""

_log = logging.getLogger(__name__)


def stay_in_safe_mode(
    publisher: BusPublisher,
    notify: Notify,
    starts: Starts,
    bell: "SimpleQueue[None]",
    stopping: Callable[[], bool],
    state_file: Path,
) -> None:
    """Hold still until safe mode is cleared or the service is stopped.

    Args:
        publisher: A connection to the bus that has not been started.
        notify: Tells systemd.
        starts: The record of the starts.
        bell: Rings when a signal has come.
        stopping: Whether the service has been told to stop.
        state_file: Where `dermscan status` reads how the service is.
    """
    _log.error("Too many starts in a short time: safe mode, no picture is taken until `dermscan safe-mode clear`")
    board = Board(publisher, notify)
    board.begin()
    board.raise_code(HealthCode.SAFE_MODE)
    board.show(WorkState.FAULT)
    with suppress(BusRefused):  # a broker that refuses the device may be the very cause of the loop
        publisher.start()
    notify("READY=1")
    feed_s = watchdog_interval_s() or LOOK_S
    while starts.safe_mode and not stopping():
        notify("WATCHDOG=1")
        _write(state_file, board, connected=publisher.connected)
        with suppress(Empty):
            bell.get(timeout=min(feed_s, LOOK_S))
    with suppress(OSError):
        state_file.unlink()
    if stopping():
        notify("STOPPING=1")
        board.show(WorkState.STOPPING)
    else:
        _log.info("Safe mode was left")
    publisher.stop()


def _write(state_file: Path, board: Board, *, connected: bool) -> None:
    """Write how the service is; without a folder for it, or a disk, `dermscan status` finds nothing and says so."""
    machine = read_machine(time.time())
    state = DeviceState(
        written_s=time.monotonic(),
        software=__version__,
        state=board.state,
        codes=tuple(sorted(board.codes)),
        broker=connected,
        uptime_s=board.uptime_s,
        temperature_c=machine.temperature_c,
        throttled=machine.throttled,
        under_voltage=machine.under_voltage,
        memory_free_bytes=machine.memory_free_bytes,
        clock_kept=machine.clock_kept,
    )
    with suppress(OSError):
        write_whole(state_file, state.model_dump_json() + "\n")
