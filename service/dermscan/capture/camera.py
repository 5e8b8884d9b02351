"""The protocol that every camera backend keeps, and what is told about a camera; no device is touched here."""

from abc import abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from dermscan.domain import Frame


@dataclass(frozen=True, slots=True)
class CameraDescription:
    """One camera that could be chosen.

    Attributes:
        backend: Value of the setting `camera.backend`.
        device: Value of the setting `camera.device`; empty where the backend has no devices.
        label: What the driver calls the camera.
    """

    backend: str
    device: str
    label: str


class Camera(Protocol):
    """A source of frames, used from one thread.

    A camera is made closed; making one touches no device. `with camera:` opens and closes it. Opening again after
    `close` works, as often as wanted, and numbers the frames from 0 again.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """What the camera is, for the journal: backend and device, nothing personal."""
        raise NotImplementedError

    @abstractmethod
    def open(self) -> None:
        """Take hold of the camera. An open camera is closed first.

        Raises:
            CameraNotFound: There is no such camera, or it cannot be opened.
            CameraDriverMissing: The library of this kind of camera is not installed.
            InputError: The file or folder to be replayed cannot be used.
        """
        raise NotImplementedError

    @abstractmethod
    def read(self) -> Frame:
        """Wait for the next frame.

        Blocks until the next frame is there: one period of the frame rate when all is well, never much longer than
        the setting `camera.stall_s`. A frame that was not read in time is dropped, not queued.

        Raises:
            CameraStalled: No frame came for `camera.stall_s` seconds. Close and open the camera to recover.
            CameraLost: The camera was unplugged, has ended, or is not open.
        """
        raise NotImplementedError

    def still(self, frame: Frame) -> Frame:
        """The picture in full resolution of the frame that was read last, of the same exposure.

        What the live frame was judged to be, the still is: it carries the frame's number, times and camera state, its
        own pixels and their scale. A camera that has one size only gives the frame itself.

        Args:
            frame: What `read` gave last.

        Raises:
            CameraLost: The camera fails or is not open.
        """
        return frame

    @abstractmethod
    def close(self) -> None:
        """Let go of the camera and of everything it holds. Closing a closed camera does nothing."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
