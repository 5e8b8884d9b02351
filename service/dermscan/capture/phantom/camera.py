"""The phantom as a camera: a hand visits one rendered lesion after another. It shows no real skin."""

from dermscan.camera_settings import CameraSettings
from dermscan.capture.camera import Camera
from dermscan.capture.pacing import Clock, Pacer, Stamper
from dermscan.capture.phantom.motion import pose_at, visit_at
from dermscan.capture.phantom.scene import VIEW_MM, PhantomStage
from dermscan.domain import CameraState, Frame
from dermscan.errors import CameraLost


class PhantomCamera(Camera):
    """Shows the phantom: empty skin, a lesion that comes into view, is held still, goes; then the next lesion.

    Frame n shows the moment n / rate_hz, whatever the clock says, so that the same settings give the same frames.
    The frames carry the phantom's true scale, not `settings.mm_per_pixel`.
    """

    def __init__(self, settings: CameraSettings, clock: Clock | None = None) -> None:
        """Prepare the camera without drawing anything.

        Args:
            settings: Size, rate and seed.
            clock: Where the time comes from; None for the system's.
        """
        self._settings = settings
        self._clock = clock or Clock()
        self._stage: PhantomStage | None = None
        self._visit: int | None = None
        self._start()

    def _start(self) -> None:
        self._pacer = Pacer(self._settings.rate_hz, self._clock)
        self._stamper = Stamper(self._clock, VIEW_MM / self._settings.width)

    @property
    def name(self) -> str:
        """What the camera is."""
        return "phantom"

    def open(self) -> None:
        """Draw the skin, which takes some tenths of a second."""
        self._stage = PhantomStage(self._settings.width, self._settings.height, self._settings.seed)
        self._visit = None
        self._start()

    def read(self) -> Frame:
        """Wait for the next frame.

        Raises:
            CameraLost: The camera is not open.
        """
        if self._stage is None:
            raise CameraLost
        number = self._stamper.sequence
        seconds = number / self._settings.rate_hz
        if visit_at(seconds) != self._visit:
            self._visit = visit_at(seconds)
            self._stage.show(self._visit)
        pixels = self._stage.picture(pose_at(seconds), number)
        self._pacer.wait()
        return self._stamper.stamp(pixels, CameraState("phantom", ""))

    def close(self) -> None:
        """Forget the skin."""
        self._stage = None
