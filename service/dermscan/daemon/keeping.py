"""Keeps a camera open: opens it anew for as long as it is away, and tells so once. It never looks at a picture."""

import logging
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass

from dermscan.bus.events import CameraBack, CameraLost, HealthCode, WorkState
from dermscan.capture.camera import Camera
from dermscan.daemon.board import CAMERA_AWAY, Board
from dermscan.daemon.pulse import Pulse
from dermscan.domain import Frame
from dermscan.errors import CameraDriverMissing, CameraError, CameraStalled

REOPEN_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
"""Seconds between two attempts to open the camera: the first pause, and the last after doubling."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Absence:
    """A run of attempts without a frame.

    Attributes:
        began_silent: Whether the camera was open and silent at first, which a new process may mend.
        attempts: How many have failed.
    """

    began_silent: bool
    attempts: int = 0

    @property
    def pause_s(self) -> float:
        """Seconds until the next attempt."""
        return min(REOPEN_PAUSE_S * 2.0 ** min(self.attempts - 1, 10), LONGEST_PAUSE_S)


class KeptCamera:
    """A camera that may be away at the start and at any time. Used from one thread."""

    def __init__(self, camera: Camera, reopen_attempts: int, board: Board, pulse: Pulse) -> None:
        """Take the camera; it is opened by `frames`.

        Args:
            camera: Any camera, closed.
            reopen_attempts: Attempts after which a camera that fell silent is left to a new process.
            board: Where it is told that the camera is away, and that it is back.
            pulse: Beats with each frame, and with each attempt while the camera is away.
        """
        self._camera = camera
        self._reopen_attempts = reopen_attempts
        self._board = board
        self._pulse = pulse
        self._absence: Absence | None = None
        self.frames_seen = 0
        """Frames that the camera gave."""
        self.known = threading.Event()
        """Set when the first frame has come, or when it is told that there is none."""

    def frames(self, stop: threading.Event, on_loss: Callable[[HealthCode], None]) -> Generator[Frame, None, None]:
        """The frames until told to stop; while the camera is away it is looked for, with pauses.

        Args:
            stop: Ends it.
            on_loss: Called at each failed attempt with what is told of it.

        Raises:
            CameraDriverMissing: The library of this kind of camera is not installed.
            CameraStalled, CameraError: A camera that has worked fell silent, and no attempt has brought it back.
            InputError: What is to be replayed cannot be used.
        """
        while not stop.is_set():
            try:
                with self._camera as camera:
                    while not stop.is_set():
                        yield self._seen(camera.read())
            except CameraDriverMissing:
                raise
            except CameraError as error:
                absence = self._missed(error)
                if self._new_process_may_help(absence):
                    raise
                on_loss(self._tell_lost(error))
                stop.wait(absence.pause_s)

    def still(self, frame: Frame) -> Frame | None:
        """The picture in full resolution of the frame that came last, None when the camera fails at this moment."""
        try:
            return self._camera.still(frame)
        except CameraError:
            _log.warning("A picture in full resolution could not be had; the next one is taken")
            return None

    def _seen(self, frame: Frame) -> Frame:
        self._pulse.beat()
        self.frames_seen += 1
        if self._absence is not None or not self.known.is_set():
            self._absence = None
            self._tell_back()
        self.known.set()
        return frame

    def _missed(self, error: CameraError) -> Absence:
        self._pulse.beat()
        if self._absence is None:
            self._absence = Absence(began_silent=isinstance(error, CameraStalled))
        self._absence.attempts += 1
        return self._absence

    def _new_process_may_help(self, absence: Absence) -> bool:
        """A driver that fell silent may be stuck in this process; what is not there is nowhere.

        Where not even this process's first attempt gave a frame, a new one was tried already.
        """
        return self.frames_seen > 0 and absence.began_silent and absence.attempts > self._reopen_attempts

    def _tell_lost(self, error: CameraError) -> HealthCode:
        code = HealthCode.CAMERA_STALLED if isinstance(error, CameraStalled) else HealthCode.CAMERA_LOST
        raised, cleared = self._board.replace_codes(CAMERA_AWAY, frozenset({code}))
        if raised:
            _log.warning("%s; opening it anew", error)
        if raised and not cleared:
            self._board.count_camera_loss()
            self._board.announce(CameraLost())
        self._board.show(WorkState.FAULT)
        self.known.set()
        return code

    def _tell_back(self) -> None:
        _, cleared = self._board.replace_codes(CAMERA_AWAY, frozenset())
        if cleared:
            _log.info("The camera sends frames again")
            self._board.announce(CameraBack())
