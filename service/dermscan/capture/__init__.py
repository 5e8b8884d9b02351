"""Where frames come from: one small protocol, and a backend for each kind of camera. Pictures are never kept here."""

from dermscan.capture.camera import Camera, CameraDescription
from dermscan.capture.opening import list_cameras, open_camera

__all__ = ["Camera", "CameraDescription", "list_cameras", "open_camera"]
