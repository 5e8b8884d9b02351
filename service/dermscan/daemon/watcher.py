"""Looks at the camera all day: shows what to mend, sees a lesion held still, hands on the sharpest frame of a burst."""

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from dermscan.analysis.framing import Framing, View, sharpest
from dermscan.bus.events import HealthCode, ScanFailed, ScanRefused, WorkState
from dermscan.daemon.board import Board
from dermscan.daemon.keeping import KeptCamera
from dermscan.daemon.orders import Order, OrderBook
from dermscan.domain import Frame, Quality, RejectReason
from dermscan.settings import ScanSettings

PATIENCE_S = 15.0
"""Seconds for which a commanded scan waits for a good picture before it is broken off with the reason."""

STEADY_GUIDANCE_S = 0.3
"""Seconds for which a guidance must hold before it is shown, so that the display stays calm."""

BLINDING = frozenset({RejectReason.TOO_DARK, RejectReason.TOO_BRIGHT})
"""What keeps a lesion from being found at all: it is said although there is none in view."""

Shown = tuple[WorkState, RejectReason | None]
StillOf = Callable[[Frame], Frame | None]


class FrameTaker(Protocol):
    """What the watcher needs of the analyst."""

    @property
    def busy(self) -> bool:
        """Whether it works on a frame."""

    def submit(self, order: Order, frame: Frame) -> None:
        """Take a frame; only called while not busy."""


class Watcher:
    """Looks at the camera on a thread of its own. It holds one frame, and in a burst the sharpest one so far."""

    def __init__(
        self,
        camera: KeptCamera,
        framing: Framing,
        analyst: FrameTaker,
        orders: OrderBook,
        board: Board,
        settings: ScanSettings,
    ) -> None:
        """Take the tools of the work; the camera is opened by `run`."""
        self._camera = camera
        self._framing = framing
        self._analyst = analyst
        self._orders = orders
        self._board = board
        self._scan_settings = settings
        self._burst: Burst | None = None
        self._waiting_since: float | None = None
        self._candidate: tuple[Shown, float] | None = None
        self._handed_on = False
        self._quiet_until = 0.0

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop.

        Raises:
            CameraError: The camera fell silent and stays so, or its library is not installed.
            InputError: What is to be replayed cannot be used.
        """
        with closing(self._camera.frames(stop, self._lose_sight)) as frames:
            for frame in frames:
                if not self._analyst.busy:
                    self._look(frame)

    def _lose_sight(self, code: HealthCode) -> None:
        """Break off what waits for a picture; what is being analysed has its picture."""
        self._burst = None
        self._waiting_since = None
        if self._orders.close():
            self._board.count_failed_scan()
            self._board.announce(ScanFailed(code=code))

    def _look(self, frame: Frame) -> None:
        if self._handed_on:
            self._handed_on = False
            self._quiet_until = frame.monotonic_s + self._scan_settings.done_s
        view = self._framing.look(frame)
        if view.guidance is not None and view.roi is not None:
            self._board.count_refused_frame()
        if self._burst is None:
            self._burst = self._begin_burst(view, frame)
        if self._burst is not None:
            self._continue_burst(self._burst, view, frame)
        else:
            self._show(view, frame)

    def _begin_burst(self, view: View, frame: Frame) -> "Burst | None":
        order = self._orders.pending()
        if order is None:
            self._waiting_since = None
            return Burst(Order()) if view.ready and self._scan_settings.automatic else None
        if view.guidance is None:
            return Burst(order)
        since = self._waiting_since = frame.monotonic_s if self._waiting_since is None else self._waiting_since
        if frame.monotonic_s - since > PATIENCE_S:
            self._break_off(order, view.guidance)
        return None

    def _continue_burst(self, burst: "Burst", view: View, frame: Frame) -> None:
        if self._orders.pending() is not (burst.order if burst.order.by_command else None):
            self._burst = None  # a command has broken it off, or asks for another one
            return
        burst.add(frame, view.quality, self._camera.still)
        if burst.seen < self._scan_settings.burst_frames:
            return
        self._burst = None
        if burst.best is None:
            self._break_off(burst.order, view.guidance or RejectReason.MOTION)
            return
        if burst.order.by_command and not self._orders.close():
            return
        self._framing.mark_scanned()
        self._handed_on = True
        self._board.show(WorkState.ANALYSING)
        self._analyst.submit(burst.order, burst.best[0])

    def _break_off(self, order: Order, reason: RejectReason) -> None:
        if not order.by_command or self._orders.close():
            self._board.announce(ScanRefused(reason=reason))

    def _show(self, view: View, frame: Frame) -> None:
        shown = shown_for(view, ordered=self._orders.pending() is not None)
        if self._candidate is None or self._candidate[0] != shown:
            self._candidate = (shown, frame.monotonic_s)
        steady = frame.monotonic_s - self._candidate[1] >= STEADY_GUIDANCE_S
        if steady and frame.monotonic_s >= self._quiet_until:
            self._board.show(*shown)


class Burst:
    """A run of frames of which the sharpest good one is kept, in the camera's full resolution."""

    def __init__(self, order: Order) -> None:
        """Begin with no frame seen."""
        self.order = order
        self.seen = 0
        self.best: tuple[Frame, Quality] | None = None

    def add(self, frame: Frame, quality: Quality, still_of: StillOf) -> None:
        """See a frame; a refused one cannot be the best, nor one whose full resolution cannot be had.

        Args:
            frame: What the camera gave last.
            quality: The quality gate's figures of it.
            still_of: Gives its full resolution; asked only where the frame is the best so far.
        """
        self.seen += 1
        candidate = (frame, quality)
        better = quality.reject is None and (self.best is None or sharpest([self.best, candidate]) is frame)
        if better and (still := still_of(frame)) is not None:
            self.best = (still, quality)


def shown_for(view: View, *, ordered: bool = False) -> Shown:
    """What the display shows for a view when nothing is being analysed: what an ordered scan waits for, before all."""
    if ordered and view.guidance is not None:
        return WorkState.FRAMING, view.guidance
    if view.scanned:
        return WorkState.DONE, None
    if view.roi is None and view.guidance not in BLINDING:
        return WorkState.READY, None
    if view.guidance is not None:
        return WorkState.FRAMING, view.guidance
    return WorkState.HOLD_STILL, None
