"""Carries a chosen frame through the pipeline into the history. It keeps no picture once the scan is filed."""

import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dermscan.analysis.pipeline import Stopwatch
from dermscan.bus.events import HealthCode, ScanFailed, ScanFinished, ScanRefused, ScanStarted, WorkState
from dermscan.daemon.board import Board
from dermscan.daemon.orders import Order
from dermscan.daemon.pulse import Pulse
from dermscan.domain import Assessment, Frame, Provenance, RejectReason, Scan
from dermscan.errors import AnalysisFailed, DermscanError, HistoryError, StorageFull
from dermscan.history.store import History

IDLE_BEAT_S = 0.5
"""Seconds between two signs of life while there is nothing to analyse."""

FAILURES_IN_A_ROW = 3
"""So many analyses that fail one after the other end the service, which starts anew."""

PROGRESS_BEFORE = {"roi": 5, "quality": 10, "segment": 15, "features": 70, "classify": 80}
"""Per cent of the analysis done when a stage begins: the share of the time that is spent before it."""

FILING_PROGRESS = 90

Assess = Callable[[Frame, Stopwatch], Assessment]
Calibrate = Callable[[Frame], Frame]
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ShownStopwatch(Stopwatch):
    """A stopwatch that shows on the board how far the analysis is."""

    show: Callable[[int], None] = field(default=lambda _progress: None)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show and time what happens inside."""
        self.show(PROGRESS_BEFORE[name])
        with Stopwatch.stage(self, name):
            yield


class Analyst:
    """Works on one frame at a time, on a thread of its own."""

    def __init__(
        self,
        assess: Assess,
        history: History,
        provenance: Provenance,
        device: str,
        board: Board,
        pulse: Pulse,
        calibrate: Calibrate = lambda frame: frame,
    ) -> None:
        """Take the tools of the work.

        Args:
            assess: The pipeline with its models and settings.
            history: Where scans are filed.
            provenance: What makes the assessments.
            device: The device's own label.
            board: Where the work is shown.
            pulse: Beats while the thread answers.
            calibrate: Gives a frame the scale of the camera's calibration.
        """
        self._assess = assess
        self._history = history
        self._provenance = provenance
        self._device = device
        self._calibrate = calibrate
        self._board = board
        self._pulse = pulse
        self._work: queue.Queue[tuple[Order, Frame]] = queue.Queue(maxsize=1)
        self._idle = threading.Event()
        self._idle.set()
        self._failures = 0
        self._last_s: float | None = None
        self._longest_s: float | None = None

    @property
    def seconds(self) -> tuple[float | None, float | None]:
        """Seconds that the last scan and the longest one took, None before the first."""
        return self._last_s, self._longest_s

    @property
    def busy(self) -> bool:
        """Whether a frame is being analysed or waits to be."""
        return not self._idle.is_set()

    def submit(self, order: Order, frame: Frame) -> None:
        """Take a frame to analyse; only called while not busy."""
        self._idle.clear()
        self._work.put_nowait((order, frame))

    def finish(self, timeout_s: float) -> bool:
        """Wait for the scan in hand; whether it is done."""
        return self._idle.wait(timeout_s)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop, but finish what is in hand.

        Raises:
            AnalysisFailed: Several analyses in a row could not be done.
        """
        while not stop.is_set() or self.busy:
            self._pulse.beat()
            try:
                order, frame = self._work.get(timeout=IDLE_BEAT_S)
            except queue.Empty:
                continue
            try:
                self._scan(order, frame)
            finally:
                self._idle.set()

    def _scan(self, order: Order, frame: Frame) -> None:
        self._board.announce(ScanStarted())
        watch = ShownStopwatch(show=self._show_progress)
        started = time.perf_counter()
        frame = self._calibrate(frame)
        assessment = self._assessed(frame, watch)
        if assessment is None:
            return
        if assessment.mask is None:
            self._board.announce(ScanRefused(reason=assessment.quality.reject or RejectReason.NO_LESION))
            self._board.show(WorkState.READY)
            return
        self._show_progress(FILING_PROGRESS)
        scan = Scan(str(uuid.uuid4()), frame, assessment, self._provenance, self._device)
        if self._file(scan, order):
            milliseconds = round(1000 * (time.perf_counter() - started))
            self._tell_done(milliseconds, watch.stages)

    def _assessed(self, frame: Frame, watch: Stopwatch) -> Assessment | None:
        """The assessment, None when the networks fail; a fault that stays is handed on."""
        try:
            assessment = self._assess(frame, watch)
        except AnalysisFailed as error:
            self._failures += 1
            self._tell_failed(HealthCode.ANALYSIS_FAILED, error)
            if self._failures >= FAILURES_IN_A_ROW:
                raise
            return None
        self._failures = 0
        self._board.clear_code(HealthCode.ANALYSIS_FAILED)
        return assessment

    def _show_progress(self, progress: int) -> None:
        self._board.show(WorkState.ANALYSING, progress=progress)

    def _file(self, scan: Scan, order: Order) -> bool:
        try:
            self._history.file_scan(scan, order.lesion_id)
        except StorageFull as error:
            self._tell_failed(HealthCode.STORAGE_FULL, error)
        except HistoryError as error:
            self._tell_failed(HealthCode.HISTORY_UNAVAILABLE, error)
        else:
            self._board.clear_code(HealthCode.STORAGE_FULL)
            self._board.clear_code(HealthCode.HISTORY_UNAVAILABLE)
            return True
        return False

    def _tell_failed(self, code: HealthCode, error: DermscanError) -> None:
        self._board.count_failed_scan()
        if self._board.raise_code(code):
            _log.error("A scan was not filed: %s", error)
        self._board.announce(ScanFailed(code=code))
        self._board.show(WorkState.FAULT)

    def _tell_done(self, milliseconds: int, stages: dict[str, float]) -> None:
        self._board.count_scan()
        self._board.announce(ScanFinished())
        self._board.show(WorkState.DONE, progress=100)
        self._last_s = milliseconds / 1000
        self._longest_s = max(self._longest_s or 0.0, self._last_s)
        self._board.publish_health()
        spent = ", ".join(f"{stage} {round(value)}" for stage, value in stages.items())
        _log.info("Scan filed in %d ms (%s)", milliseconds, spent)
