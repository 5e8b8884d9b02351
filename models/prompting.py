"""Parts of labelled scenes as the segmenter sees them, with the prompts that a detector or a person would give.

A scene is a labelled frame squeezed into a square (`data.whole_scene`); its true shape is in its row.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from augment import FloatArray
from data import SCENE_SIDE, ByteArray, Row, mask_box
from dermscan.analysis.preparation import prompt_box, segmentation_view
from dermscan.bundle.manifest import Normalisation, SegmentationModel
from dermscan.domain import Roi
from networks import MEAN, STD
from segmenting import UNBOUND
from student import POINTS

OUTSIDE = 127
"""What lies beyond the frame: the grey that normalisation makes zero, as run time pads it."""
CONTEXT = 2.0
"""Side of the segmented square in longer sides of the box, at run time."""


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """What the segmenter is asked.

    Attributes:
        box: (1, 4) float32: x0, y0, x1, y1 in pixels of the input.
        points: (POINTS, 2) float32: x, y in pixels of the input.
        labels: (POINTS,) float32: 1 lesion, 0 skin, -1 nothing.
    """

    box: FloatArray
    points: FloatArray
    labels: FloatArray


def fed(side: int, context: float | None = CONTEXT, margin: float = 0.0) -> SegmentationModel:
    """How the student is fed."""
    return SegmentationModel(
        family="medsam-edge",
        encoder=UNBOUND,
        decoder=UNBOUND,
        input_size=side,
        normalisation=Normalisation(mean=MEAN, std=STD),
        context=context,
        box_margin=margin,
    )


def true_box(scene: ByteArray, row: Row) -> Roi:
    """The expert's box in pixels of the row's picture; the whole picture where the mask is empty."""
    box = mask_box(scene[..., 3] > 127) or Roi(0, 0, SCENE_SIDE, SCENE_SIDE)
    across, down = row.size[0] / SCENE_SIDE, row.size[1] / SCENE_SIDE
    return Roi(box.x0 * across, box.y0 * down, box.x1 * across, box.y1 * down)


def erring(box: Roi, error: FloatArray, size: tuple[int, int]) -> Roi:
    """A box whose edges are off by shares of its size, at least a tenth of it large and inside the picture."""
    wide, high = box.width, box.height
    x0, x1 = sorted((box.x0 + error[0] * wide, box.x1 + error[2] * wide))
    y0, y1 = sorted((box.y0 + error[1] * high, box.y1 + error[3] * high))
    x0, y0 = min(max(x0, 0.0), size[0] - 2.0), min(max(y0, 0.0), size[1] - 2.0)
    x1, y1 = max(x1, x0 + 0.1 * wide, x0 + 1), max(y1, y0 + 0.1 * high, y0 + 1)
    return Roi(x0, y0, min(x1, float(size[0])), min(y1, float(size[1])))


def seen_part(row: Row, box: Roi, model: SegmentationModel) -> FloatArray:
    """(2, 3): from pixels of the scene to pixels of the segmenter's input, for a box in pixels of the picture."""
    view = segmentation_view((row.size[1], row.size[0]), box, model)
    across, down = view.scale
    scale = np.diag([across * row.size[0] / SCENE_SIDE, down * row.size[1] / SCENE_SIDE])
    return np.column_stack([scale, [-view.x0 * across, -view.y0 * down]]).astype(np.float32)


def boxed(row: Row, box: Roi, model: SegmentationModel) -> FloatArray:
    """(1, 4): a box in pixels of the picture, in pixels of the input that was cut around it."""
    view = segmentation_view((row.size[1], row.size[0]), box, model)
    return cast("FloatArray", prompt_box(box, view, model)[0])


def cut(scene: ByteArray, matrix: FloatArray, side: int, *, mirrored: bool = False) -> ByteArray:
    """(side, side, 4): the part of a scene; beyond the frame lies grey that is no lesion, or the mirrored frame."""
    border = cv2.BORDER_REFLECT_101 if mirrored else cv2.BORDER_CONSTANT
    value = (OUTSIDE, OUTSIDE, OUTSIDE, 0)
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink < 0.6:  # so much smaller that bilinear sampling would skip pixels
        scene = cast("ByteArray", cv2.GaussianBlur(scene, (0, 0), 0.4 / shrink))
    seen = cv2.warpAffine(scene, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=value)
    return cast("ByteArray", seen)


def no_points() -> tuple[FloatArray, FloatArray]:
    """Points and labels of a prompt that is a box alone."""
    return np.zeros((POINTS, 2), np.float32), np.full(POINTS, -1, np.float32)


def drawn_points(mask: NDArray[np.bool_], random: Generator) -> tuple[FloatArray, FloatArray]:
    """One to `POINTS` clicks, as of a person: into the lesion, or onto the skin near it."""
    points, labels = no_points()
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    for index in range(random.integers(1, POINTS + 1)):
        lesion = random.random() < 0.5
        places = np.flatnonzero(mask if lesion else grown & ~mask)
        if len(places):
            place = int(places[random.integers(len(places))])
            points[index] = place % mask.shape[1] + 0.5, place // mask.shape[1] + 0.5
            labels[index] = float(lesion)
    return points, labels
