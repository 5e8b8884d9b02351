"""Med-SAM: from a box to the lesion's outline. It decides which pixels are lesion, never what the lesion is.

Encoding is dear and depends on the picture, decoding is cheap and depends on the box: a person who corrects the box
waits for the second only.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.analysis.preparation import (
    FloatArray,
    PromptPoint,
    SegmentationView,
    logits_to_frame,
    prompt_box,
    prompt_points,
    segmentation_input,
    segmentation_view,
)
from dermscan.analysis.runtime import Models
from dermscan.domain import Frame, LesionMask, Roi

MIN_AREA_PX = 64
"""Fewest pixels of a mask from which anything can be measured."""
MIN_BOX_SHARE = 0.15
"""Least area of a plausible mask, as a share of its prompt box; a lesion fills about three quarters of its box."""
MIN_INSIDE = 0.5
"""Least share of a plausible mask that lies inside its prompt box."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """What the encoder made of a part of a frame; any box inside that part can be decoded from it.

    Attributes:
        view: The part of the frame.
        frame_shape: (height, width) of the frame.
        features: The encoder's output, float32.
    """

    view: SegmentationView
    frame_shape: tuple[int, int]
    features: FloatArray


def segment(frame: Frame, roi: Roi, models: Models) -> LesionMask | None:
    """Outline the lesion in a box.

    Args:
        frame: The frame.
        roi: The prompt box in pixels of the frame.
        models: The networks.

    Returns:
        The mask at the frame's own resolution, one component without holes; None when nothing in the box is lesion.
    """
    return decode(embed(frame, roi, models), roi, models)


def embed(frame: Frame, roi: Roi, models: Models) -> Embedding:
    """Encode the part of a frame around a box; see `segment` for the arguments."""
    model = models.manifest.segmentation
    view = segmentation_view(frame.pixels.shape, roi, model)
    (features,) = models.encoder(segmentation_input(frame.pixels, view, model))
    return Embedding(view, (frame.height, frame.width), features)


def decode(
    embedding: Embedding, prompt: Roi, models: Models, *, points: tuple[PromptPoint, ...] = ()
) -> LesionMask | None:
    """Outline the lesion in a box inside a part of a frame that was encoded before.

    Args:
        embedding: From `embed`.
        prompt: The prompt box in pixels of the frame; what reaches out of the encoded part is cut.
        models: The networks.
        points: Points that a person set, at most `models.point_slots`.

    Returns:
        As `segment`.

    Raises:
        ValueError: There are more points than the bundle's segmenter takes.
    """
    model = models.manifest.segmentation
    box = prompt_box(prompt, embedding.view, model)
    marks = prompt_points(points, embedding.view, model, models.point_slots)
    logits, overlap = models.decoder(embedding.features, box, *marks)
    lesion = logits_to_frame(logits, embedding.view, embedding.frame_shape) > 0
    pixels = one_component(lesion, prompt)
    return None if pixels is None else LesionMask(pixels, float(np.clip(overlap.ravel()[0], 0, 1)))


def one_component(lesion: NDArray[np.bool_], prompt: Roi) -> NDArray[np.bool_] | None:
    """Keep the component that shares most pixels with the prompt box, and fill its holes.

    Args:
        lesion: (height, width) bool.
        prompt: The box in pixels of the same frame.

    Returns:
        (height, width) bool, one component (8-connected) without holes; None when `lesion` is empty in the box.
    """
    _, labels = cv2.connectedComponents(lesion.astype(np.uint8), connectivity=8)
    shared = np.bincount(_inside(labels, prompt).ravel())
    shared[:1] = 0
    if not shared.any():
        return None
    component = (labels == int(np.argmax(shared))).astype(np.uint8)
    contours, _ = cv2.findContours(component, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(component, contours, -1, 1, thickness=cv2.FILLED)
    return np.asarray(filled, np.bool_)


def plausible(mask: LesionMask, prompt: Roi) -> bool:
    """Whether a mask answers its prompt: it is large enough, and most of it lies in the box."""
    inside = int(np.count_nonzero(_inside(mask.pixels, prompt)))
    area = mask.area_px
    return area >= max(MIN_AREA_PX, MIN_BOX_SHARE * prompt.area) and inside >= MIN_INSIDE * area


def bounding_box(mask: LesionMask) -> Roi:
    """The smallest box around a mask that is not empty, in pixels of its frame, with the mask's confidence."""
    columns, rows = np.flatnonzero(mask.pixels.any(axis=0)), np.flatnonzero(mask.pixels.any(axis=1))
    left, right, upper, lower = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    return Roi(float(left), float(upper), float(right), float(lower), mask.confidence)


def _inside(pixels: NDArray[Any], box: Roi) -> NDArray[Any]:
    """The pixels whose middles lie in the box; at least one where the box lies in the picture."""
    left, upper = round(box.x0), round(box.y0)
    return pixels[upper : max(round(box.y1), upper + 1), left : max(round(box.x1), left + 1)]
