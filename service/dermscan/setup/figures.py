"""What a camera gives, in figures: size, rate, light, sharpness. The pictures are let go at once."""

import time
from dataclasses import dataclass

from dermscan.analysis.quality import judge, thumbnail
from dermscan.camera_settings import CameraSettings
from dermscan.capture.opening import open_camera
from dermscan.domain import Frame, Quality, RejectReason
from dermscan.settings import QualitySettings

SETTLING = 5
FRAMES = 15

LIGHT_AND_SHARPNESS = (RejectReason.TOO_DARK, RejectReason.TOO_BRIGHT, RejectReason.OUT_OF_FOCUS, RejectReason.GLARE)


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """What some frames in a row were like.

    Attributes:
        width: Columns of a frame.
        height: Rows of a frame.
        rate_hz: Frames a second.
        quality: What the quality gate says of the last one, the whole frame taken for the lesion.
        complaints: What should be mended about the picture.
    """

    width: int
    height: int
    rate_hz: float
    quality: Quality
    complaints: tuple[RejectReason, ...]


def camera_figures(camera: CameraSettings, limits: QualitySettings) -> CameraFigures:
    """Open a camera, look at some frames, and close it.

    Raises:
        CameraError: It cannot be used.
        InputError: What is to be replayed cannot be used.
        SettingsError: The settings lack what this kind of camera needs.
    """
    with open_camera(camera) as opened:
        for _ in range(SETTLING):
            before = opened.read()
        began_s = time.monotonic()
        for _ in range(FRAMES):
            last = opened.read()
        spent_s = max(time.monotonic() - began_s, 1e-6)
    return _figures(before, last, FRAMES / spent_s, limits)


def _figures(before: Frame, last: Frame, rate_hz: float, limits: QualitySettings) -> CameraFigures:
    quality = judge(last, None, thumbnail(before), limits)
    complaints = tuple(reason for reason in quality.reasons if reason in LIGHT_AND_SHARPNESS)
    return CameraFigures(last.width, last.height, rate_hz, quality, complaints)
