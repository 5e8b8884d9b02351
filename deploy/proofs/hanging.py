"""The service with a fault put underneath: its analysis, or its camera, never answers again after a while.

Usage: hanging.py analysis|camera, in the place of the unit's program. The patience is shortened, so that the proof is.
"""

import sys
import threading

from dermscan.capture.phantom.camera import PhantomCamera
from dermscan.cli.main import main
from dermscan.daemon import work

FRAMES_BEFORE = 20
work.FRAMES_MAX_S = work.ANALYSIS_MAX_S = 4.0


def never(*_arguments: object, **_options: object) -> None:
    """Wait for what does not come."""
    threading.Event().wait()


def hang_camera() -> None:
    """Let the camera's read never come back after some frames."""
    read = PhantomCamera.read

    def some_frames(camera: PhantomCamera) -> object:
        frame = read(camera)
        if frame.sequence >= FRAMES_BEFORE:
            never()
        return frame

    PhantomCamera.read = some_frames


{"analysis": lambda: setattr(work, "assess", never), "camera": hang_camera}[sys.argv[1]]()
sys.argv[1:] = ["run"]
main()
