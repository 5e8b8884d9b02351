"""The hand that holds the phantom's camera: where it looks at each moment. It moves nothing by itself."""

from dataclasses import dataclass
from math import cos, pi, sin

EMPTY_S = 1.5
APPROACH_S = 1.5
HELD_S = 7.0
LEAVE_S = 1.5
CYCLE_S = EMPTY_S + APPROACH_S + HELD_S + LEAVE_S
AWAY = -1.05
SHUTTER_S = 0.02


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the camera looks, measured from where it looks straight at the lesion.

    Attributes:
        x: Shift to the right in widths of the view, `AWAY` (empty skin) to 0.
        y: Shift downwards in widths of the view.
        angle_deg: Turn of the hand.
        smear: Length of the horizontal motion blur in widths of the view.
    """

    x: float = 0.0
    y: float = 0.0
    angle_deg: float = 0.0
    smear: float = 0.0


HELD = Pose()
EMPTY = Pose(x=AWAY)


def visit_at(seconds: float) -> int:
    """Number of the lesion that is visited at this time, from 0; it changes while only empty skin is in view."""
    return int(seconds // CYCLE_S)


def is_held(seconds: float) -> bool:
    """Whether the hand holds still on a lesion at this time."""
    return 0 <= seconds % CYCLE_S - EMPTY_S - APPROACH_S < HELD_S


def pose_at(seconds: float) -> Pose:
    """Where the hand is.

    A visit is `EMPTY_S` of empty skin, `APPROACH_S` of moving in, `HELD_S` of holding still and `LEAVE_S` of moving
    out. Tremor and drift are always there and shift the view by less than 0.3 % of its width between any two frames.

    Args:
        seconds: Time since the camera was opened.
    """
    away = _away(seconds)
    speed = abs(away - _away(seconds - SHUTTER_S))
    drift_x, drift_y = sin(2 * pi * 0.23 * seconds), cos(2 * pi * 0.31 * seconds)
    tremor_x, tremor_y = sin(2 * pi * 8.3 * seconds), sin(2 * pi * 9.7 * seconds + 1)
    return Pose(
        x=AWAY * away + 1.0e-3 * drift_x + 1.2e-4 * tremor_x,
        y=0.018 * away * sin(1.7 * seconds) + 0.8e-3 * drift_y + 1.2e-4 * tremor_y,
        angle_deg=1.2 * away * sin(1.1 * seconds) + 0.04 * drift_y,
        smear=abs(AWAY) * speed,
    )


def _away(seconds: float) -> float:
    """How far the hand is from the lesion: 0 held still, 1 on empty skin."""
    phase = seconds % CYCLE_S
    came = _ease((phase - EMPTY_S) / APPROACH_S)
    left = _ease((phase - EMPTY_S - APPROACH_S - HELD_S) / LEAVE_S)
    return 1 - came + left


def _ease(share: float) -> float:
    """Half a cosine: sets out and arrives without a jerk."""
    return (1 - cos(pi * min(max(share, 0.0), 1.0))) / 2
