"""A fake `libcamera` underneath the real picamera2: one sensor that fills buffers in a thread, and can misbehave.

Only what is below picamera2 is made up: `libcamera`, `kms` and `prctl` (which are bindings to the system), and the
allocator of DMA buffers, in whose place ordinary shared memory is mapped.
"""

import importlib
import importlib.util
import mmap
import os
import sys
import threading
from collections.abc import Callable, Iterator
from enum import Enum, IntEnum, auto
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, Self
from unittest.mock import MagicMock

import numpy as np
import pytest
from numpy.typing import NDArray

SENSOR = 1640, 1232
RED = 230, 20, 10
Color = tuple[int, int, int]
Rows = NDArray[np.uint8]


class StreamRole(Enum):
    Raw = auto()
    StillCapture = auto()
    VideoRecording = auto()
    Viewfinder = auto()


class ControlType(Enum):
    Integer32 = auto()
    Rectangle = auto()
    Size = auto()


class Orientation(Enum):
    Rotate0 = auto()
    Rotate0Mirror = auto()
    Rotate90 = auto()
    Rotate90Mirror = auto()
    Rotate180 = auto()
    Rotate180Mirror = auto()
    Rotate270 = auto()
    Rotate270Mirror = auto()


class ControlId:
    def __init__(self, name: str, kind: ControlType = ControlType.Integer32) -> None:
        self.name = name
        self.type = kind


class Transform:
    def __init__(self, other: Self | None = None, hflip: int = 0, vflip: int = 0, transpose: int = 0) -> None:
        self.hflip: int = other.hflip if other else hflip
        self.vflip: int = other.vflip if other else vflip
        self.transpose: int = other.transpose if other else transpose

    def __hash__(self) -> int:
        return hash((self.hflip, self.vflip, self.transpose))

    def __str__(self) -> str:
        return "transform"


class ColorSpace:
    YcbcrEncoding = SimpleNamespace(Null=0, Rec601=1, Rec709=2)
    Range = SimpleNamespace(Full=0, Limited=1)

    def __init__(self, other: Self | None = None, primaries: int = 0) -> None:
        self.primaries: int = other.primaries if other else primaries
        self.transferFunction = 0
        self.ycbcrEncoding = 1
        self.range = 0

    def __hash__(self) -> int:
        return hash(self.primaries)

    def __str__(self) -> str:
        return "color space"

    @classmethod
    def Sycc(cls) -> Self:  # noqa: N802 - libcamera's name
        return cls(primaries=1)

    @classmethod
    def Smpte170m(cls) -> Self:  # noqa: N802 - libcamera's name
        return cls(primaries=2)

    @classmethod
    def Rec709(cls) -> Self:  # noqa: N802 - libcamera's name
        return cls(primaries=3)

    @classmethod
    def Raw(cls) -> Self:  # noqa: N802 - libcamera's name
        return cls(primaries=4)


class PixelFormat(str):
    __slots__ = ()


class Size:
    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height


class Rectangle:
    def __init__(self, x: int, y: int, width: int, height: int) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height


class FrameMetadata:
    class Status(Enum):
        Success = auto()
        Error = auto()


class FrameBuffer:
    class Plane:
        fd = -1
        offset = 0
        length = 0

    def __init__(self, planes: list["FrameBuffer.Plane"]) -> None:
        self.planes = planes
        self.metadata = SimpleNamespace(
            status=FrameMetadata.Status.Success, planes=[SimpleNamespace(bytes_used=plane.length) for plane in planes]
        )


class StreamFormats:
    pixel_formats: ClassVar = [PixelFormat("SRGGB10_CSI2P")]

    def sizes(self, _: PixelFormat) -> list[Size]:
        return [Size(*SENSOR)]


class StreamConfiguration:
    formats = StreamFormats()

    def __init__(self) -> None:
        self.size = Size(640, 480)
        self.pixel_format = PixelFormat("XBGR8888")
        self.color_space: ColorSpace | None = None
        self.buffer_count = 4
        self.stride = 0
        self.frame_size = 0
        self.stream = self


class CameraConfiguration:
    class Status(Enum):
        Valid = auto()
        Adjusted = auto()
        Invalid = auto()

    orientation = Orientation.Rotate0
    sensor_config: Any = None

    def __init__(self, roles: list[StreamRole]) -> None:
        self._streams = [StreamConfiguration() for _ in roles]

    def at(self, index: int) -> StreamConfiguration:
        return self._streams[index]

    def __iter__(self) -> Iterator[StreamConfiguration]:
        return iter(self._streams)

    def validate(self) -> "CameraConfiguration.Status":
        """Rows are padded to 64 bytes, as the hardware does."""
        if self.at(0).size.width > SENSOR[0]:
            return self.Status.Invalid
        for stream in self._streams:
            planar = stream.pixel_format == "YUV420"
            depth = 3 if stream.pixel_format in {"BGR888", "RGB888"} else 1 if planar else 2
            stream.stride = -(-stream.size.width * depth // 64) * 64
            stream.frame_size = stream.stride * stream.size.height * (3 if planar else 2) // 2
        return self.Status.Valid


class Request:
    class Status(Enum):
        Pending = auto()
        Complete = auto()

    def __init__(self, cookie: int) -> None:
        self.cookie = cookie
        self.buffers: dict[StreamConfiguration, FrameBuffer] = {}
        self.status = self.Status.Pending
        self.metadata: dict[ControlId, object] = {}

    def add_buffer(self, stream: StreamConfiguration, buffer: FrameBuffer) -> None:
        self.buffers[stream] = buffer

    def reuse(self) -> None:
        self.status = self.Status.Pending

    def set_control(self, control: ControlId, value: object) -> None:
        assert value is not None
        CameraManager.singleton().cameras[0].told_later[control.name] = value


AUTOMATICS = ("AeEnable", "AwbEnable", "ExposureTime", "AnalogueGain", "ColourGains")
FRAME_DURATION_LIMITS = ControlId("FrameDurationLimits")
NOISE_REDUCTION_MODE = ControlId("NoiseReductionMode")
CONTROLS = {name: ControlId(name) for name in (*AUTOMATICS, "ExposureTimeMode", "AnalogueGainMode")}
COLOR_FILTER = ControlId("ColorFilterArrangement")
MODEL = ControlId("Model")


class Sensor:
    """The camera: `silent` stops its frames without a sign, `taken` has another process own it."""

    id = "/base/soc/i2c0mux/i2c@1/imx219@10"

    def __init__(self, events: int) -> None:
        self.properties = {MODEL: "imx219", COLOR_FILTER: 0}
        self.controls = {
            FRAME_DURATION_LIMITS: SimpleNamespace(min=100, max=10**7, default=33333),
            NOISE_REDUCTION_MODE: SimpleNamespace(min=0, max=4, default=0),
        }
        self.controls |= {CONTROLS[name]: SimpleNamespace(min=0, max=10**6, default=0) for name in AUTOMATICS}
        self.ready: list[Request] = []
        self.silent = threading.Event()
        self.taken = False
        self.acquired = False
        self.started_with: dict[ControlId, Any] = {}
        self.told_later: dict[str, object] = {}
        self.tells: dict[str, object] = {}
        """What it says of each picture."""
        self.most_queued = 0
        self.scene: Callable[[int], Color] = lambda _exposure: RED
        """The colour of all that is seen, by the number of the exposure."""
        self.exposures = 0
        self.mended_by_opening = False
        """Whether its silence ends with the next opening."""
        self._events = events
        self._queue: list[Request] = []
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self) -> None:
        if self.taken:
            message = "failed to acquire camera: device or resource busy"
            raise RuntimeError(message)
        self.acquired = True
        if self.mended_by_opening:
            self.silent.clear()

    def release(self) -> None:
        self.acquired = False

    def generate_configuration(self, roles: list[StreamRole]) -> CameraConfiguration:
        return CameraConfiguration(roles)

    def configure(self, _: CameraConfiguration) -> int:
        return 0

    def create_request(self, cookie: int) -> Request:
        return Request(cookie)

    def start(self, controls: dict[ControlId, Any]) -> None:
        self.started_with = dict(controls)
        self._running.set()
        self._thread = threading.Thread(target=self._expose, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._running.clear()
        if self._thread:
            self._thread.join()
        with self._lock:
            self._queue.clear()

    def queue_request(self, request: Request) -> None:
        with self._lock:
            self._queue.append(request)
            self.most_queued = max(self.most_queued, len(self._queue))

    @property
    def queued(self) -> int:
        with self._lock:
            return len(self._queue)

    def take_ready(self) -> list[Request]:
        with self._lock:
            ready, self.ready = self.ready, []
        return ready

    def _expose(self) -> None:
        pause = threading.Event()
        while self._running.is_set():
            pause.wait(0.005)
            if self.silent.is_set():
                continue
            with self._lock:
                if not self._queue:
                    continue
                request = self._queue.pop(0)
                for stream, buffer in request.buffers.items():
                    paint(stream, buffer, self.scene(self.exposures))
                self.exposures += 1
                request.metadata = {ControlId(name): value for name, value in self.tells.items()}
                request.status = Request.Status.Complete
                self.ready.append(request)
            os.eventfd_write(self._events, 1)


def paint(stream: StreamConfiguration, buffer: FrameBuffer, color: Color) -> None:
    """Fill a stream as the hardware does, with what is no picture beside it in each row; the raw one stays empty."""
    make = {"YUV420": planes_of, "BGR888": rows_of, "RGB888": rows_of}.get(stream.pixel_format)
    if make is None:
        return
    plane = buffer.planes[0]
    with mmap.mmap(plane.fd, plane.length, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE) as memory:
        content = make(stream, color).tobytes()
        memory[: len(content)] = content


def rows_of(stream: StreamConfiguration, color: Color) -> Rows:
    """BGR888 is red, green, blue in memory, RGB888 the reverse."""
    rows = np.zeros((stream.size.height, stream.stride), dtype=np.uint8)
    ordered = color if stream.pixel_format == "BGR888" else color[::-1]
    rows[:, : stream.size.width * 3] = np.tile(np.array(ordered, dtype=np.uint8), stream.size.width)
    return rows


def planes_of(stream: StreamConfiguration, color: Color) -> Rows:
    """Y, U and V one after the other, in full range by ITU-R BT.601, as libcamera's colour space `Sycc` is."""
    assert stream.color_space is not None
    assert stream.color_space.primaries == ColorSpace.Sycc().primaries
    red, green, blue = color
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = 128 + 0.564 * (blue - luma), 128 + 0.713 * (red - luma)
    width, height, stride = stream.size.width, stream.size.height, stream.stride
    planes = [np.zeros((height, stride)), *(np.zeros((height // 2, stride // 2)) for _ in chroma)]
    for plane, value, across in zip(planes, (luma, *chroma), (width, width // 2, width // 2), strict=True):
        plane[:, :across] = np.rint(value)
    return np.concatenate([plane.ravel() for plane in planes]).astype(np.uint8)


class CameraManager:
    _single: ClassVar["CameraManager | None"] = None

    def __init__(self) -> None:
        self.event_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.cameras = [Sensor(self.event_fd)]

    @classmethod
    def singleton(cls) -> "CameraManager":
        if cls._single is None:
            cls._single = cls()
        return cls._single

    @classmethod
    def reset(cls) -> None:
        if cls._single is not None:
            os.close(cls._single.event_fd)
        cls._single = None

    def get_ready_requests(self) -> list[Request]:
        try:
            os.eventfd_read(self.event_fd)
        except BlockingIOError:
            return []
        return self.cameras[0].take_ready()


def fake_libcamera() -> dict[str, ModuleType]:
    """The fake modules by their names."""
    names = (StreamRole, ControlType, Orientation, Transform, ColorSpace, PixelFormat, Size, Rectangle, FrameMetadata)
    more = (FrameBuffer, CameraConfiguration, Request, CameraManager)
    libcamera, kms, prctl = (ModuleType(name) for name in ("libcamera", "kms", "prctl"))
    for kind in (*names, *more):
        setattr(libcamera, kind.__name__, kind)
    fast = SimpleNamespace(NoiseReductionModeEnum=IntEnum("Mode", ["Off", "Fast", "HighQuality", "Minimal"]))
    ids = {name: CONTROLS[name] for name in ("ExposureTime", "ExposureTimeMode", "AnalogueGain", "AnalogueGainMode")}
    values: dict[str, Any] = {
        "Camera": Sensor,
        "SensorConfiguration": SimpleNamespace,
        "_libcamera": SimpleNamespace(ColorSpace=ColorSpace, Transform=Transform),
        "controls": SimpleNamespace(draft=fast, **ids),
        "properties": SimpleNamespace(),
    }
    vars(libcamera).update(values)
    vars(kms).update({"PixelFormats": MagicMock()})
    return {"libcamera": libcamera, "kms": kms, "prctl": prctl}


@pytest.fixture(scope="module")
def real_picamera2() -> Iterator[Any]:
    """The real picamera2 over the fake libcamera."""
    if importlib.util.find_spec("picamera2") is None:
        pytest.skip("picamera2 is not installed (pip install --no-deps picamera2 pidng piexif simplejpeg videodev2)")
    with pytest.MonkeyPatch.context() as patch:
        for name, module in fake_libcamera().items():
            patch.setitem(sys.modules, name, module)
        picamera2 = importlib.import_module("picamera2")
        patch.setattr(sys.modules["picamera2.picamera2"], "DmaAllocator", shared_memory_allocator())
        yield picamera2
    for name in [name for name in sys.modules if name.split(".")[0] == "picamera2"]:
        del sys.modules[name]


def shared_memory_allocator() -> type[Any]:
    """An allocator for picamera2 that maps ordinary shared memory."""
    base: Any = importlib.import_module("picamera2.allocators.allocator").Allocator

    class SharedMemoryAllocator(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._buffers: dict[StreamConfiguration, list[FrameBuffer]] = {}

        def allocate(self, configuration: CameraConfiguration, _: object) -> None:
            self.close()
            self._buffers = {stream: self._make(stream) for stream in configuration}

        def _make(self, stream: StreamConfiguration) -> list[FrameBuffer]:
            buffers = []
            for _ in range(stream.buffer_count):
                plane = FrameBuffer.Plane()
                plane.fd, plane.length = os.memfd_create("frame"), stream.frame_size
                os.ftruncate(plane.fd, plane.length)
                buffers.append(FrameBuffer([plane]))
            return buffers

        def buffers(self, stream: StreamConfiguration) -> list[FrameBuffer]:
            return self._buffers[stream]

        def close(self) -> None:
            for buffers in self._buffers.values():
                for buffer in buffers:
                    os.close(buffer.planes[0].fd)
            self._buffers = {}

        def __del__(self) -> None:
            self.close()

    return SharedMemoryAllocator


@pytest.fixture
def sensor(real_picamera2: Any) -> Iterator[Sensor]:
    """The one camera that is connected."""
    real_picamera2.Picamera2._cm.reset()
    CameraManager.reset()
    real_picamera2.Picamera2._cm.reset()
    yield CameraManager.singleton().cameras[0]
    real_picamera2.Picamera2._cm._cms = None
    CameraManager.reset()
