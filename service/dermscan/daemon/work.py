"""The work of one set of settings: camera, pipeline and history on two threads, and the signs of life of both."""

import logging
import threading
from collections.abc import Callable
from functools import partial

from dermscan import __version__
from dermscan.analysis.accelerating import load_proven_models
from dermscan.analysis.framing import Framing
from dermscan.analysis.pipeline import Stopwatch, assess
from dermscan.analysis.roi import find_roi
from dermscan.analysis.runtime import Models
from dermscan.bundle.choosing import choose
from dermscan.bundle.loading import Bundle
from dermscan.bus.events import Command, CommandRefusal, CommandScan, HealthCode, ScanCancelled
from dermscan.calibration import Calibrator
from dermscan.capture.opening import open_camera
from dermscan.daemon.analyst import Analyst, Assess
from dermscan.daemon.board import Board
from dermscan.daemon.keeping import KeptCamera
from dermscan.daemon.orders import Order, OrderBook
from dermscan.daemon.pulse import Pulse
from dermscan.daemon.supervision import Supervised
from dermscan.daemon.watcher import Watcher
from dermscan.domain import Assessment, Frame, Provenance
from dermscan.errors import TicketRefused
from dermscan.history.store import History
from dermscan.settings import ModelSettings, QualitySettings, Settings

FRAMES_MAX_S = 20.0
"""Seconds, beyond `camera.stall_s`, without a frame or an attempt to get one, after which the watchdog is no longer
fed."""

ANALYSIS_MAX_S = 60.0
"""Seconds without an answer of the analysis thread after which the watchdog is no longer fed."""

FINISH_S = 3.5
"""Seconds for which a stop waits for the scan in hand; with the farewell on the bus it stays under five."""

SETTLE_S = 0.5
"""Seconds for which an order waits for the last scan to be put away: it may answer to that scan's very end."""

LOOK_S = 0.1

_log = logging.getLogger(__name__)


class Work:
    """Camera, pipeline and history, wired to each other."""

    def __init__(self, settings: Settings, history: History, board: Board, wake: Callable[[], None]) -> None:
        """Load the models and wire the rooms; no thread runs before `start`.

        Args:
            settings: Everything that can be set.
            history: The open history.
            board: Where the work is shown.
            wake: Called when a thread has ended.

        Raises:
            BundleError: The models cannot be used.
        """
        bundle, models = _in_service(settings.models, board)
        provenance = Provenance(bundle.manifest.name, bundle.manifest_hash, __version__, settings.assessment_hash())
        self._bundle_hash = bundle.manifest_hash
        self._history = history
        self._board = board
        self._stop = threading.Event()
        self._orders = OrderBook()
        self._pulses = Pulse(FRAMES_MAX_S + settings.camera.stall_s), Pulse(ANALYSIS_MAX_S)
        frames, analysis = self._pulses
        pipeline = _pipeline(models, settings.quality)
        calibrator = Calibrator(settings.history.folder, settings.camera)
        tools = pipeline, history, provenance, settings.device.label, board, analysis
        self._analyst = Analyst(*tools, calibrator.calibrated)
        self._camera = KeptCamera(open_camera(settings.camera), settings.camera.reopen_attempts, board, frames)
        self._watcher = Watcher(
            self._camera,
            Framing(partial(find_roi, models=models), settings.quality, settings.scan),
            self._analyst,
            self._orders,
            board,
            settings.scan,
        )
        # Nothing here leads back to this object: at a reload the networks must go at once, not with the next collection
        self._threads = (
            Supervised("camera", partial(self._watcher.run, self._stop), wake),
            Supervised("analysis", partial(self._analyst.run, self._stop), wake),
        )

    @property
    def alive(self) -> bool:
        """Whether frames flow, or are being looked for, and the analysis answers."""
        return all(pulse.alive for pulse in self._pulses)

    @property
    def frames_seen(self) -> int:
        """Frames that the camera gave."""
        return self._camera.frames_seen

    @property
    def analysis_s(self) -> tuple[float | None, float | None]:
        """Seconds that the last scan and the longest one took, None before the first."""
        return self._analyst.seconds

    @property
    def bundle_hash(self) -> str:
        """SHA-256 of the bundle's manifest."""
        return self._bundle_hash

    def start(self, given_up: Callable[[], bool]) -> None:
        """Start both threads and wait for the first frame, or until it is known that the camera is away.

        Args:
            given_up: Whether to wait no longer.

        Raises:
            DermscanError: The camera's library is missing, or what is to be replayed cannot be used.
        """
        for thread in self._threads:
            thread.start()
        while not (self._camera.known.wait(LOOK_S) or given_up()):
            self.raise_failure()

    def raise_failure(self) -> None:
        """Raise in this thread what ended one of the others.

        Raises:
            Exception: Whatever it was.
        """
        for thread in self._threads:
            if thread.failure is not None:
                raise thread.failure

    def take_command(self, command: Command) -> CommandRefusal | None:
        """Carry out a command from outside; None, or why it is refused."""
        return self._order(command) if isinstance(command, CommandScan) else self._cancel()

    def _order(self, command: CommandScan) -> CommandRefusal | None:
        if self._board.camera_away:
            return CommandRefusal.NOT_READY
        if not (self._analyst.finish(SETTLE_S) and self._orders.free):
            return CommandRefusal.BUSY
        try:
            lesion = None if command.ticket is None else self._history.redeem_ticket(command.ticket)
        except TicketRefused:
            return CommandRefusal.TICKET_REFUSED
        self._orders.place(Order(lesion, by_command=True))
        return None

    def _cancel(self) -> CommandRefusal | None:
        """Break off what waits for a picture; what is being analysed is finished, so that nothing is half filed."""
        if not self._orders.close():
            return CommandRefusal.NOTHING_TO_CANCEL
        self._board.announce(ScanCancelled())
        return None

    def tell_health(self) -> None:
        """Publish the counters as they are now."""
        self._board.publish_health()
        self._board.tell_systemd()

    def stop(self) -> None:
        """Finish the scan in hand, let go of the camera, and end both threads."""
        self._stop.set()
        self._analyst.finish(FINISH_S)
        for thread in self._threads:
            thread.join(LOOK_S * 5)


def _in_service(settings: ModelSettings, board: Board) -> tuple[Bundle, Models]:
    """The bundle that is run, and its models; what is not as the settings ask for is told the technician."""
    choice = choose(settings, partial(load_proven_models, settings=settings))
    doubts = choice.loaded.distrusted
    for error in choice.refused:
        _log.error("A model bundle is refused, and one before it stands in: %s", error)
    for doubt in doubts:
        _log.error("%s is not trusted with the %s: %s", doubt.provider, doubt.network, doubt.problem)
    (board.raise_code if choice.refused else board.clear_code)(HealthCode.BUNDLE_REFUSED)
    (board.raise_code if doubts else board.clear_code)(HealthCode.ACCELERATOR_REFUSED)
    return choice.bundle, choice.loaded.models


def _pipeline(models: Models, quality: QualitySettings) -> Assess:
    def run(frame: Frame, stopwatch: Stopwatch) -> Assessment:
        return assess(frame, models, quality, stopwatch=stopwatch)

    return run
