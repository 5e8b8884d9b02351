"""A follow-up laid over its baseline as a person looks at it: both outlines, and what changed. It measures nothing."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.domain import RgbImage, Scan
from dermscan.domain.evolution import Evolution

SIDE = 240
"""Side of a close-up in pixels."""
ROOM = 1.7
"""Side of what is shown, in longer sides of the baseline's lesion: a growth by half fits in."""
BEFORE, NOW, CHANGED = (60, 120, 255), (255, 170, 0), (255, 0, 90)
"""Colours of the baseline's outline, of the follow-up's, and of what changed; they differ in lightness, too."""
FAINT, FULL = 3.0, 12.0
"""CIEDE2000 differences, beyond the overall change, at which a change begins to show and shows fully."""
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Closeup:
    """A follow-up in the baseline's place and scale.

    Attributes:
        outlines: (240, 240, 3) uint8, RGB, with the outlines of both scans.
        changes: The same with what changed in colour or structure; None where the colours cannot be compared.
    """

    outlines: RgbImage
    changes: RgbImage | None


def close_up(baseline: Scan, follow_up: Scan, found: Evolution) -> Closeup | None:
    """Draw a follow-up over its baseline; None where they could not be laid over each other."""
    before, now = baseline.assessment.mask, follow_up.assessment.mask
    if found.registration is None or before is None or now is None:
        return None
    crop = _crop(before.pixels)
    onto = _after(crop, np.array(found.registration.matrix))
    seen = np.asarray(cv2.warpAffine(follow_up.frame.pixels, onto, (SIDE, SIDE), flags=cv2.INTER_AREA), np.uint8)
    outlined = seen.copy()
    # The baseline's is the broader line, so that it shows beneath the other where both are the same
    _outline(outlined, before.pixels, crop, BEFORE, 3)
    _outline(outlined, now.pixels, onto, NOW, 1)
    if found.color is None:
        return Closeup(outlined, None)
    reduced = baseline.frame.width / found.color.change_map.shape[1]
    return Closeup(outlined, _changes(seen, found.color.change_map, _after(crop, reduced * np.eye(2, 3))))


def _crop(mask: NDArray[np.bool_]) -> Matrix:
    """(2, 3) pixels of the baseline to those of the close-up."""
    left, upper, wide, high = cv2.boundingRect(mask.astype(np.uint8))
    scale = SIDE / (ROOM * max(wide, high))
    middle = np.array([left + wide / 2, upper + high / 2])
    return np.column_stack([scale * np.eye(2), SIDE / 2 - scale * middle])


def _after(second: Matrix, first: Matrix) -> Matrix:
    """(2, 3) one affine mapping after another."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def _outline(picture: RgbImage, mask: NDArray[np.bool_], onto: Matrix, color: tuple[int, int, int], width: int) -> None:
    layer = cv2.warpAffine(mask.astype(np.float32), onto, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    contours, _ = cv2.findContours(
        (np.asarray(layer) >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(picture, contours, -1, color, width, cv2.LINE_AA)


def _changes(seen: RgbImage, change_map: NDArray[np.float32], onto: Matrix) -> RgbImage:
    """The picture in grey, what changed in colour over it."""
    gray = np.asarray(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), np.float32)[..., None].repeat(3, axis=2)
    laid = np.asarray(cv2.warpAffine(change_map, onto, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.float32)
    share = 0.8 * np.clip((laid - FAINT) / (FULL - FAINT), 0, 1)[..., None]
    return np.asarray(gray * (1 - share) + share * np.array(CHANGED, np.float32), np.uint8)
