"""The service: builds the work from the settings, keeps it alive, and ends it in order."""

import logging
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType

from dermscan.bus.events import Command, CommandRefusal, CommandScan, HealthCode, WorkState
from dermscan.bus.publisher import BusPublisher
from dermscan.capture.opening import open_camera
from dermscan.daemon.board import Board
from dermscan.daemon.checkup import Checkup
from dermscan.daemon.memory import give_back_freed
from dermscan.daemon.notification import reloading_state, systemd_notify, watchdog_interval_s
from dermscan.daemon.panel import Panel
from dermscan.daemon.safe_mode import stay_in_safe_mode
from dermscan.daemon.starts import Starts
from dermscan.daemon.work import Work
from dermscan.errors import SettingsError
from dermscan.health.judging import Calm
from dermscan.history.key_status import KeyStrength, key_status
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import Settings

TICK_S = 1.0
"""Seconds between two looks at whether all is alive."""

HEALTH_EVERY_TICKS = 15

WEAK_KEYS = frozenset({KeyStrength.OWNER_ONLY, KeyStrength.EXPOSED})
"""A master key in clear on the disk: whoever takes the disk away reads the history."""

_log = logging.getLogger(__name__)


class Service:
    """One device's daemon, from the first setting read to the last word on the bus."""

    def __init__(self, load: Callable[[], Settings]) -> None:
        """Prepare; nothing is opened before `run`.

        Args:
            load: Reads the settings, at the start and at every reload.
        """
        self._load = load
        self._notify = systemd_notify()
        # Unlike an event's, its methods are reentrant: a signal handler may ring whatever the main thread is doing
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._stopping = False
        self._reloading = False
        self._work: Work | None = None
        self._publisher: BusPublisher | None = None

    def run(self) -> None:
        """Work until told to stop by SIGTERM or SIGINT; SIGHUP reads the settings anew.

        Raises:
            DermscanError: Something that the work cannot go on without is missing or fails for good.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        first = self._load()
        starts = Starts(first.history.folder)
        if starts.note():
            self._hold_still(first, starts)
        if not self._stopping:
            self._work_through()
        starts.end_in_order()
        _log.info("Stopped")

    def _hold_still(self, settings: Settings, starts: Starts) -> None:
        """Stay in safe mode; every command is refused as not ready."""
        publisher = self._publisher = BusPublisher(settings.bus, settings.device.label, on_command=self._take_command)
        state_file = settings.health.state_file
        stay_in_safe_mode(publisher, self._notify, starts, self._bell, lambda: self._stopping, state_file)

    def _work_through(self) -> None:
        """Work until the end, through every reload."""
        self._reloading = False
        first = self._load()
        with History.open(first.history.folder, load_master_key(first.history)) as history:
            expired = history.expire(first.history.retention)
            if expired:
                _log.info("Scans deleted by the policy of retention: %d", expired)
            settings: Settings | None = first
            while settings is not None:
                settings = self._serve(settings, history)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reloading = True
        else:
            self._stopping = True
        self._ring()

    def _ring(self) -> None:
        """Wake the main thread."""
        self._bell.put(None)

    def _serve(self, settings: Settings, history: History) -> Settings | None:
        """Work on one connection to the bus; the settings to go on with, None at the end."""
        publisher = BusPublisher(settings.bus, settings.device.label, on_command=self._take_command)
        self._publisher = publisher
        board = Board(publisher, self._notify)
        board.begin()
        if key_status(settings.history).strength in WEAK_KEYS:
            board.raise_code(HealthCode.KEY_WEAK)
        publisher.start()
        calm = Calm()
        renewed: Settings | None = settings
        failed = True
        try:
            while renewed is not None and _bus_of(renewed) == _bus_of(settings):
                renewed = self._work_with(renewed, history, board, calm)
                give_back_freed()
            failed = False
        finally:
            if failed:
                board.show(WorkState.FAULT)
            publisher.stop()
        return renewed

    def _work_with(self, settings: Settings, history: History, board: Board, calm: Calm) -> Settings | None:
        """Work with one set of settings; the settings to go on with, None at the end."""
        work = Work(settings, history, board, self._ring)
        checkup = self._checkup(settings, board, work, calm)
        renewed: Settings | None = None
        panel = Panel(settings.gpio, lambda: self._take_command(CommandScan(schema_version=1)))
        try:
            work.start(lambda: self._stopping)
            self._work = work
            self._notify("READY=1")
            panel.open()
            renewed = self._tend(work, settings, lambda: self._look_after(checkup, panel, board))
        finally:
            self._work = None
            panel.close()
            if self._stopping:
                self._notify("STOPPING=1")
                board.show(WorkState.STOPPING)
            work.stop()
            if renewed is None:
                checkup.say_farewell()
        return renewed

    def _checkup(self, settings: Settings, board: Board, work: Work, calm: Calm) -> Checkup:
        if self._publisher is None:
            message = "health is told on a bus"
            raise RuntimeError(message)
        key = key_status(settings.history).strength
        return Checkup(settings, key, board, self._publisher, work, calm)

    @staticmethod
    def _look_after(checkup: Checkup, panel: Panel, board: Board) -> None:
        checkup.look_when_due(time.monotonic())
        panel.show(board.state)

    def _tend(self, work: Work, settings: Settings, look_after: Callable[[], None]) -> Settings | None:
        """Feed the watchdog while all is alive; returns the settings read anew, None when the end has come."""
        feed_s = watchdog_interval_s()
        ticks = 0
        while not self._stopping:
            with suppress(Empty):
                self._bell.get(timeout=min(feed_s or TICK_S, TICK_S))
            work.raise_failure()
            if self._reloading and (renewed := self._renewed(settings)) is not None:
                return renewed
            if feed_s is not None and work.alive:
                self._notify("WATCHDOG=1")
            look_after()
            ticks += 1
            if ticks % HEALTH_EVERY_TICKS == 0:
                work.tell_health()
        return None

    def _renewed(self, settings: Settings) -> Settings | None:
        """The settings read anew, None when they are not usable and the old ones stay."""
        self._reloading = False
        self._notify(reloading_state())
        try:
            renewed = self._load()
            open_camera(renewed.camera)  # made and not opened: it says whether these settings can ever work
        except SettingsError as error:
            _log.error("The old settings stay: %s", error)
            self._notify("READY=1")
            return None
        if renewed.history != settings.history:
            _log.warning("The history's settings take effect at the next start")
        _log.info("The settings were read anew")
        return renewed

    def _take_command(self, command: Command) -> None:
        work, publisher = self._work, self._publisher
        refusal = CommandRefusal.NOT_READY if work is None else work.take_command(command)
        if refusal is not None and publisher is not None:
            publisher.refuse_command(refusal)


def _bus_of(settings: Settings) -> tuple[object, ...]:
    return settings.bus, settings.device
