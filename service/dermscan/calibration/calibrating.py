"""From pictures of the target to a calibration. The same pictures give the same calibration."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from dermscan.calibration.color import Color, measure_color
from dermscan.calibration.finding import Sighting, find_target
from dermscan.calibration.record import Calibration, ColorRecord, LensRecord
from dermscan.calibration.scale import Lens, measure_scale, observe_lens
from dermscan.camera_settings import CameraSettings
from dermscan.domain import Frame
from dermscan.errors import CalibrationRefused

DAYS = 180
"""How long a calibration holds unless another time is asked for: lamps age, screws loosen."""
BAR_MM = 100.0
BAR_RANGE_MM = (90.0, 110.0)
"""Lengths of the printed bar that can be a printer's doing; others are a wrong reading."""


def calibrate(
    frames: Sequence[Frame], camera: CameraSettings, now: datetime, days: int = DAYS, bar_mm: float = BAR_MM
) -> Calibration:
    """Calibrate a camera.

    Args:
        frames: Pictures of the same target at the working distance, in the working light; one will do.
        camera: The camera that took them, as it is set.
        now: The time, UTC.
        days: How long it holds.
        bar_mm: What a ruler says of the printed bar of 100 mm.

    Raises:
        CalibrationRefused: A picture does not carry a calibration; the sentence says why.
    """
    if not BAR_RANGE_MM[0] <= bar_mm <= BAR_RANGE_MM[1]:
        raise CalibrationRefused(problem=f"a bar of 100 mm cannot measure {bar_mm:g} mm; measure it again")
    size = _common_size(frames, camera.picture_size)
    sightings = [find_target(frame.pixels) for frame in frames]
    lens = observe_lens(sightings, size)
    scale = measure_scale(sightings, size, lens, bar_mm / BAR_MM)
    color = measure_color([frame.pixels for frame in frames], sightings)
    return Calibration(
        made_at=now,
        valid_until=now + timedelta(days=days),
        backend=camera.backend,
        device=camera.device,
        width=size[0],
        height=size[1],
        focus=_common_focus(frames),
        target=_common_target(sightings),
        frames=len(frames),
        mm_per_pixel=scale.mm_per_pixel,
        mm_per_pixel_error=scale.error,
        tilt_deg=scale.tilt_deg,
        color=_color_record(color),
        lens=_lens_record(lens),
    )


def _common_size(frames: Sequence[Frame], wanted: tuple[int, int]) -> tuple[int, int]:
    sizes = {(frame.width, frame.height) for frame in frames}
    if not sizes:
        raise CalibrationRefused(problem="there are no pictures")
    if sizes != {wanted}:
        raise CalibrationRefused(
            problem=f"the pictures are not of {wanted[0]} x {wanted[1]} pixels, as the camera is set"
        )
    return wanted


def _common_target(sightings: list[Sighting]) -> str:
    names = {sighting.target.name for sighting in sightings}
    if len(names) != 1:
        raise CalibrationRefused(problem="some pictures show the large target and some the small one")
    return names.pop()


def _common_focus(frames: Sequence[Frame]) -> float | None:
    """Where the lens stood, None when the camera does not tell."""
    told = [frame.camera.focus for frame in frames if frame.camera is not None and frame.camera.focus is not None]
    return sum(told) / len(told) if told else None


def _color_record(color: Color) -> ColorRecord:
    red, green, blue = ((float(row[0]), float(row[1]), float(row[2])) for row in color.matrix)
    return ColorRecord(
        gains=(float(color.gains[0]), float(color.gains[1]), float(color.gains[2])),
        matrix=(red, green, blue),
        delta_e_before=color.delta_e_before,
        delta_e_after=color.delta_e_after,
        patches=color.patches,
    )


def _lens_record(lens: Lens | None) -> LensRecord | None:
    return None if lens is None else LensRecord(k1=lens.k1, focal_px=lens.focal_px, farthest_px=lens.farthest_px)
