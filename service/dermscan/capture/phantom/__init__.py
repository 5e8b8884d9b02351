"""A phantom: skin, lesions and a ruler that this software renders itself. It shows no real skin and no person."""

from dermscan.capture.phantom.camera import PhantomCamera
from dermscan.capture.phantom.motion import EMPTY, HELD, Pose, is_held
from dermscan.capture.phantom.scene import VIEW_MM, PhantomScene, render_phantom

__all__ = ["EMPTY", "HELD", "VIEW_MM", "PhantomCamera", "PhantomScene", "Pose", "is_held", "render_phantom"]
