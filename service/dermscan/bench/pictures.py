"""What the benchmark looks at: pictures of a folder, or the rendered phantom. It never touches a camera."""

from datetime import UTC, datetime
from pathlib import Path

import cv2

from dermscan.capture.phantom import PhantomScene, render_phantom
from dermscan.capture.phantom.motion import APPROACH_S, EMPTY_S, pose_at
from dermscan.capture.phantom.scene import PhantomStage
from dermscan.domain import Frame, RgbImage
from dermscan.errors import InputError
from dermscan.evaluation.pictures import read_picture

PHANTOMS = 6
PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png"})
LIVE_SIZE = 1920, 1080
"""Columns and rows of the live loop's frames."""
LIVE_FRAMES = 12
"""Different frames of the live loop, of a hand that comes in and holds still."""


def scan_frames(folder: Path | None, most: int) -> list[Frame]:
    """The frames that are scanned.

    Args:
        folder: Pictures, taken in the order of their names; None renders `PHANTOMS` phantoms of 1280 x 960.
        most: How many pictures are taken at most, evenly over the folder.

    Raises:
        InputError: The folder holds no picture, or one that cannot be read.
    """
    if folder is None:
        return [_frame(render_phantom(PhantomScene(lesion=number))[0]) for number in range(min(PHANTOMS, most))]
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURE_ENDINGS)
    if not files:
        raise InputError(source=folder, problem="it holds no pictures (.jpg, .jpeg, .png)")
    step = max(len(files) / most, 1.0)
    chosen = [files[int(index * step)] for index in range(min(most, len(files)))]
    return [_frame(read_picture(path)) for path in chosen]


def live_frames(scanned: list[Frame], *, rendered: bool) -> list[Frame]:
    """Frames of the live loop, 1920 x 1080, a thirtieth of a second apart."""
    width, height = LIVE_SIZE
    if not rendered:
        scaled = [cv2.resize(frame.pixels, (width, height)).astype("uint8") for frame in scanned]
        return [_frame(pixels, index / 30) for index, pixels in enumerate(scaled)]
    moments = [EMPTY_S + APPROACH_S - 0.2 + index / 30 for index in range(LIVE_FRAMES)]
    stage = PhantomStage(width, height, seed=0)
    stage.show(0)
    return [_frame(stage.picture(pose_at(moment), index), index / 30) for index, moment in enumerate(moments)]


def _frame(pixels: RgbImage, at: float = 0.0) -> Frame:
    return Frame(pixels, sequence=0, monotonic_s=at, taken_at=datetime.now(UTC))
