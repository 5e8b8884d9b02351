"""Tries the V4L2 way of the service on vivid, a camera of the kernel's that can be told to fail. A line a check.

Run as root inside the machine that deploy/prove-camera starts: it pulls the camera out and plugs it in again.
"""

import fcntl
import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from dermscan.bus.events import Event, Health, HealthCode, Status
from dermscan.capture.opening import VIDEO_NODES, list_v4l2
from dermscan.capture.v4l2 import V4l2Camera
from dermscan.daemon.board import Board
from dermscan.daemon.keeping import KeptCamera
from dermscan.daemon.pulse import Pulse
from dermscan.errors import CameraError, CameraLost, CameraNotFound, CameraStalled
from dermscan.settings import CameraSettings

DRIVER = Path("/sys/bus/platform/drivers/vivid")
NODE = Path("/dev/video0")
VIDIOC_QUERYCTRL, VIDIOC_S_CTRL = 0xC0445624, 0xC008561C
QUERYCTRL = "II32siiiiI8x"
NEXT_CONTROL = 0x80000000
BARS = ["RGB", "RG-", "-GB", "-G-", "R-B", "R--", "--B", "---"]
"""vivid's picture: white, yellow, cyan, green, magenta, red, blue, black, from the left."""


def plug(*, into: bool) -> None:
    """Plug the camera in, or pull it out."""
    (DRIVER / ("bind" if into else "unbind")).write_text("vivid.0", encoding="ascii")
    until = time.monotonic() + 60
    while NODE.exists() != into and time.monotonic() < until:
        time.sleep(0.05)


def set_control(name: str, value: int) -> None:
    """Set a control of the driver by the name that it gives it."""
    opened = os.open(NODE, os.O_RDWR)
    try:
        number = 0
        while True:
            asked = struct.pack(QUERYCTRL, number | NEXT_CONTROL, 0, b"", 0, 0, 0, 0, 0)
            number, _, told, *_ = struct.unpack(QUERYCTRL, fcntl.ioctl(opened, VIDIOC_QUERYCTRL, asked))
            if told.partition(b"\0")[0].decode() == name:
                fcntl.ioctl(opened, VIDIOC_S_CTRL, struct.pack("Ii", number, value))
                return
    finally:
        os.close(opened)


def camera(**changes: object) -> V4l2Camera:
    """The camera, closed."""
    values = {"backend": "v4l2", "device": str(NODE), "width": 640, "height": 360, "rate_hz": 10, "stall_s": 4}
    return V4l2Camera(CameraSettings.model_validate(values | changes))


def must(holds: object, told: object) -> None:
    """Let the check fail where something does not hold."""
    if not holds:
        raise AssertionError(told)


def expect(kind: type[CameraError], body: Callable[[], object]) -> str:
    """What the error says that must come."""
    try:
        for _ in range(100):
            body()
    except kind as error:
        return f"{kind.__name__}: {error}"
    message = f"no {kind.__name__}"
    raise AssertionError(message)


def is_listed() -> str:
    """The camera is one that could be chosen."""
    (found,) = list_v4l2(VIDEO_NODES)
    return f"{found.device} {found.label}"


def gives_frames() -> str:
    """Vivid has no Motion JPEG: what it has is taken, and turned into RGB."""
    with camera() as opened:
        frames = [opened.read() for _ in range(5)]
    must([frame.sequence for frame in frames] == [0, 1, 2, 3, 4], "the frames are not numbered from 0")
    picture = frames[-1].pixels
    must(picture.shape == (360, 640, 3), picture.shape)
    seen = [picture[180, 40 + 80 * bar] > 100 for bar in range(8)]
    words = ["".join(letter if on else "-" for letter, on in zip("RGB", bar, strict=True)) for bar in seen]
    must(words == BARS, words)
    return " ".join(words)


def gives_the_nearest_size() -> str:
    """A size that the camera does not have is no reason to stop."""
    with camera(width=700, height=500) as opened:
        frame = opened.read()
    return f"700 x 500 asked for, {frame.width} x {frame.height} given"


def locks_nothing_that_it_is_not_told() -> str:
    """Vivid tells no exposure; asking for a lock does no harm."""
    with camera(lock_exposure=True) as opened:
        states = [opened.read().camera for _ in range(12)]
    return f"exposure told: {states[-1].exposure_s if states[-1] else None}"


def refuses_a_second() -> str:
    """One that is in use is not taken away from who has it."""
    with camera() as first:
        first.read()
        told = expect(CameraNotFound, camera().open)
        first.read()
    return told


def falls_silent() -> str:
    """Every picture lost on the way: silence, and frames again once it is over."""
    with camera(stall_s=2) as opened:
        opened.read()
        set_control("Percentage of Dropped Buffers", 100)
        told = expect(CameraStalled, opened.read)
        set_control("Percentage of Dropped Buffers", 0)
        opened.open()
        opened.read()
    return told


def is_pulled_out() -> str:
    """While frames flow."""
    with camera() as opened:
        opened.read()
        plug(into=False)
        told = expect(CameraLost, opened.read)
    return f"{told}; then {expect(CameraNotFound, camera().open)}"


def comes_back() -> str:
    """And works as before."""
    plug(into=True)
    return gives_frames()


class Nobody:
    """Stands where the bus stands."""

    connected = False

    def publish_status(self, _status: Status) -> None:
        """Nobody listens."""

    def publish_health(self, _health: Health) -> None:
        """Nobody listens."""

    def publish_event(self, _event: Event) -> None:
        """Nobody listens."""


def is_kept_by_the_service() -> str:
    """The service's own loop: not there at the start, then pulled out and plugged in twice."""
    plug(into=False)
    board = Board(Nobody(), lambda _state: None)
    kept = KeptCamera(camera(), reopen_attempts=5, board=board, pulse=Pulse(60))
    stop, away_s = threading.Event(), list[float]()

    def plug_in(_: HealthCode) -> None:
        if not NODE.exists():
            plug(into=True)
            away_s.append(time.monotonic())

    for number, frame in enumerate(kept.frames(stop, plug_in)):
        if number in {0, 10, 20}:
            away_s[-1] = frame.monotonic_s - away_s[-1]
        if number in {9, 19}:
            plug(into=False)
        if number == 25:
            stop.set()
    must(board.camera_losses == 3, board.camera_losses)
    must(not board.camera_away, "it is still told to be away")
    return "frames {} after it was plugged in".format(", ".join(f"{seconds:.1f} s" for seconds in away_s))


def opens_a_hundred_times() -> str:
    """And leaves nothing open."""
    numbers = []
    for _ in range(101):
        with camera() as opened:
            opened.read()
        numbers.append(len(list(Path("/proc/self/fd").iterdir())))
    must(numbers[-1] <= numbers[0], numbers)
    return f"{numbers[-1]} open files after each"


CHECKS = (
    is_listed,
    gives_frames,
    gives_the_nearest_size,
    locks_nothing_that_it_is_not_told,
    refuses_a_second,
    falls_silent,
    is_pulled_out,
    comes_back,
    is_kept_by_the_service,
    opens_a_hundred_times,
)

if __name__ == "__main__":
    for check in CHECKS:
        try:
            word, told = "passed", check()
        except (AssertionError, CameraError, OSError, ValueError) as error:
            word, told = "FAILED", f"{type(error).__name__}: {error}"
        print(word, check.__name__.replace("_", " "), told, sep="\t", flush=True)  # noqa: T201 - its only way out
