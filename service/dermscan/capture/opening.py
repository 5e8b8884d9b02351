"""Which camera the settings mean, and which cameras there are. Nothing is opened here."""

from collections.abc import Callable
from pathlib import Path

from dermscan.camera_settings import CameraSettings, FaultSettings
from dermscan.capture.camera import Camera, CameraDescription
from dermscan.capture.faults import FaultyCamera
from dermscan.capture.gstreamer import GstreamerCamera
from dermscan.capture.network import NetworkCamera
from dermscan.capture.phantom import PhantomCamera
from dermscan.capture.picamera import PicameraCamera, list_picameras
from dermscan.capture.replay import ReplayCamera
from dermscan.capture.v4l2 import V4l2Camera

BACKENDS: dict[str, Callable[[CameraSettings], Camera]] = {
    "picamera2": PicameraCamera,
    "v4l2": V4l2Camera,
    "gstreamer": GstreamerCamera,
    "network": NetworkCamera,
    "replay": ReplayCamera,
    "phantom": PhantomCamera,
}

VIDEO_NODES = Path("/sys/class/video4linux")


def open_camera(settings: CameraSettings) -> Camera:
    """Make the camera that the settings mean, with the faults that they ask for.

    The camera is returned closed: `open` or a `with` block takes hold of the device.

    Raises:
        SettingsError: The settings lack what this kind of camera needs.
    """
    camera = BACKENDS[settings.backend](settings)
    if has_faults(settings.faults):
        return FaultyCamera(camera, settings.faults, settings.stall_s)
    return camera


def has_faults(faults: FaultSettings) -> bool:
    """Whether any fault is asked for; a seed alone is none."""
    return faults != FaultSettings(seed=faults.seed)


def list_cameras(video_nodes: Path = VIDEO_NODES) -> tuple[CameraDescription, ...]:
    """The cameras that could be chosen: those of picamera2, then V4L2 devices, then the phantom.

    Args:
        video_nodes: Where the kernel lists its V4L2 devices.
    """
    return (*list_picameras(), *list_v4l2(video_nodes), CameraDescription("phantom", "", "rendered phantom"))


def list_v4l2(video_nodes: Path) -> tuple[CameraDescription, ...]:
    """The V4L2 devices in the order of their numbers, the first node of each: the others carry no pictures.

    Args:
        video_nodes: Where the kernel lists its V4L2 devices.
    """
    nodes = [node for node in video_nodes.glob("video*") if _first_line(node / "index") in {"", "0"}]
    nodes.sort(key=lambda node: int(node.name.removeprefix("video")))
    return tuple(
        CameraDescription("v4l2", f"/dev/{node.name}", _first_line(node / "name") or "camera") for node in nodes
    )


def _first_line(path: Path) -> str:
    """First line of a file of the kernel, empty when it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    except OSError:
        return ""
