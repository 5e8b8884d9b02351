"""Finds picamera2 and takes a camera of it, whatever stands in the way. It never captures."""

import importlib
import os
from typing import Any

from dermscan.errors import CameraDriverMissing

REMEDY = (
    "install it with `apt install python3-picamera2` for an environment that sees the system's packages, "
    "or with this software's extra `pi` beside `python3-libcamera`"
)

REMEDY_NUMPY = "its parts were built for another NumPy; install picamera2 and NumPy from the same source"
"""A system's picamera2 beside a newer NumPy of the environment fails with a ValueError on import."""


def import_picamera2() -> Any:
    """Import picamera2.

    Raises:
        CameraDriverMissing: picamera2 or libcamera is not installed.
    """
    try:
        return importlib.import_module("picamera2")
    except ImportError:
        raise CameraDriverMissing(backend="picamera2", remedy=REMEDY) from None
    except ValueError:
        raise CameraDriverMissing(backend="picamera2", remedy=REMEDY_NUMPY) from None


def taken_camera(picamera2: Any, number: int) -> Any:
    """A camera of picamera2's, which leaves its pipe open when it cannot have one: a leak where it is tried all day.

    Raises:
        RuntimeError: It cannot be had.
    """
    kind = picamera2.Picamera2
    camera = kind.__new__(kind)
    try:
        kind.__init__(camera, number)
    except RuntimeError:
        camera.notifymeread.close()
        os.close(camera.notifyme_w)
        raise
    return camera


def camera_infos(picamera2: Any) -> list[dict[str, Any]]:
    """What libcamera knows of each camera, in the order of the cameras' numbers; empty when it knows none."""
    try:
        return list(picamera2.Picamera2.global_camera_info())
    except RuntimeError:
        return []
