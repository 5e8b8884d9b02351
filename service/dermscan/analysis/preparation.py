"""How a frame becomes each model's input, and how an output comes back into the frame.

Training and run time use these very functions, so that a model is fed on the device what it was taught on. Nothing here
runs a model, and nothing here decides anything. All pictures are (height, width, 3) uint8 in RGB order; all inputs are
float32 in NCHW order, RGB.
"""

from dataclasses import dataclass
from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.bundle.manifest import ClassifierModel, Normalisation, RoiModel, SegmentationModel
from dermscan.domain import RgbImage, Roi

FloatArray: TypeAlias = NDArray[np.float32]

OUTSIDE_LOGIT = -32.0
"""Mask logit of the pixels that the segmenter did not see: certainly not lesion."""

NO_POINT = -1.0
"""Label of a slot for a point that is empty."""


@dataclass(frozen=True, slots=True)
class PromptPoint:
    """A point that a person set to mend a mask.

    Attributes:
        x: Column in pixels of the frame.
        y: Row in pixels of the frame.
        lesion: Whether it lies on the lesion; otherwise it lies on skin.
    """

    x: float
    y: float
    lesion: bool


@dataclass(frozen=True, slots=True)
class SegmentationView:
    """The part of a frame that the segmenter sees.

    Attributes:
        x0: Left column of the part in the frame.
        y0: Upper row of the part in the frame.
        side_w: Columns of the part; fewer than `side_h` where the frame is too narrow for the square.
        side_h: Rows of the part.
        scaled_w: Columns of the part in the padded input, from its left edge.
        scaled_h: Rows of the part in the padded input, from its upper edge.
    """

    x0: int
    y0: int
    side_w: int
    side_h: int
    scaled_w: int
    scaled_h: int

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the padded input per pixel of the frame, as (horizontal, vertical)."""
        return self.scaled_w / self.side_w, self.scaled_h / self.side_h


def roi_input(pixels: RgbImage, model: RoiModel) -> FloatArray:
    """Squeeze the whole frame into the detector's square input.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        model: The detector's part of the manifest.

    Returns:
        (1, 3, input_size, input_size) float32, normalised.
    """
    side = model.input_size
    return _normalised(resized(pixels, side, side), model.normalisation)


def widened(roi: Roi, margin: float, frame_shape: tuple[int, ...]) -> Roi:
    """Widen a detector's box by a share of its size on each side (`SegmentationModel.box_margin`), within the frame.

    Args:
        roi: The detector's box in pixels of the frame.
        margin: Share of the width and of the height; negative narrows the box.
        frame_shape: Shape of the frame's array, (height, width, ...).

    Returns:
        The box that prompts the segmentation, with the same score.
    """
    height, width = frame_shape[:2]
    dx, dy = margin * roi.width, margin * roi.height
    x0, y0 = max(roi.x0 - dx, 0.0), max(roi.y0 - dy, 0.0)
    return Roi(x0, y0, min(roi.x1 + dx, float(width)), min(roi.y1 + dy, float(height)), roi.score)


def segmentation_view(frame_shape: tuple[int, ...], roi: Roi, model: SegmentationModel) -> SegmentationView:
    """Choose the part of the frame that the segmenter sees.

    Args:
        frame_shape: Shape of the frame's array, (height, width, ...).
        roi: The prompt box in pixels of the frame, already widened where it comes from the detector.
        model: The segmenter's part of the manifest.

    Returns:
        The square of `context` times the longer side of the box around its middle, moved inside the frame and cut where
        the frame is smaller; the whole frame without a `context`.
    """
    height, width = frame_shape[:2]
    if model.context is None:
        x0, y0, wide, high = 0, 0, width, height
    else:
        side = max(round(model.context * max(roi.width, roi.height)), 1)
        x0, wide = _inside(roi.center[0], side, width)
        y0, high = _inside(roi.center[1], side, height)
    scale = model.input_size / max(wide, high)
    return SegmentationView(x0, y0, wide, high, max(int(wide * scale + 0.5), 1), max(int(high * scale + 0.5), 1))


def segmentation_input(pixels: RgbImage, view: SegmentationView, model: SegmentationModel) -> FloatArray:
    """Cut, scale, normalise and pad the part of the frame that the segmenter sees (Ma et al. 2024, MedSAM).

    Args:
        pixels: (height, width, 3) uint8 RGB.
        view: The part, from `segmentation_view`.
        model: The segmenter's part of the manifest.

    Returns:
        (1, 3, input_size, input_size) float32, zero below and to the right of the part.
    """
    part = resized(
        pixels[view.y0 : view.y0 + view.side_h, view.x0 : view.x0 + view.side_w], view.scaled_w, view.scaled_h
    )
    how = model.normalisation
    padded = np.zeros((1, 3, model.input_size, model.input_size), np.float32)
    padded[:, :, : view.scaled_h, : view.scaled_w] = _minmax(part) if how == "minmax" else _normalised(part, how)
    return padded


def prompt_box(roi: Roi, view: SegmentationView, model: SegmentationModel) -> FloatArray:
    """Move the prompt box into the padded input.

    Args:
        roi: The same box that the view was made for, in pixels of the frame.
        view: The part of the frame that the segmenter sees.
        model: The segmenter's part of the manifest.

    Returns:
        (1, 1, 4) float32: x0, y0, x1, y1 in pixels of the padded input.
    """
    (across, down), limit = view.scale, float(model.input_size)
    left, right = (roi.x0 - view.x0) * across, (roi.x1 - view.x0) * across
    upper, lower = (roi.y0 - view.y0) * down, (roi.y1 - view.y0) * down
    return np.clip(np.array([[[left, upper, right, lower]]], np.float32), 0.0, limit)


def prompt_points(
    points: tuple[PromptPoint, ...], view: SegmentationView, model: SegmentationModel, slots: int
) -> tuple[FloatArray, ...]:
    """Move points into the padded input.

    Args:
        points: In pixels of the frame.
        view: The part of the frame that the segmenter sees.
        model: The segmenter's part of the manifest.
        slots: How many points the decoder takes, k.

    Returns:
        Points (1, k, 2) float32, x and y in pixels of the padded input, and labels (1, k) float32: 1 lesion, 0 skin,
        -1 nothing. Without slots, nothing.

    Raises:
        ValueError: There are more points than slots.
    """
    if len(points) > slots:
        message = f"the segmenter takes {slots} points"
        raise ValueError(message)
    if not slots:
        return ()
    (across, down), limit = view.scale, float(model.input_size)
    places, labels = np.zeros((1, slots, 2), np.float32), np.full((1, slots), NO_POINT, np.float32)
    for index, point in enumerate(points):
        places[0, index] = (point.x - view.x0) * across, (point.y - view.y0) * down
        labels[0, index] = float(point.lesion)
    return np.clip(places, 0.0, limit), labels


def logits_to_frame(logits: FloatArray, view: SegmentationView, frame_shape: tuple[int, ...]) -> FloatArray:
    """Bring the decoder's mask logits back to the frame's own resolution.

    Args:
        logits: (1, 1, m, m) float32 over the padded input.
        view: The part of the frame that was segmented.
        frame_shape: Shape of the frame's array, (height, width, ...).

    Returns:
        (height, width) float32, bilinear inside the part, `OUTSIDE_LOGIT` outside of it.
    """
    padded = max(view.scaled_w, view.scaled_h)
    ratio = logits.shape[-1] / padded
    rows, columns = max(round(view.scaled_h * ratio), 1), max(round(view.scaled_w * ratio), 1)
    seen = np.ascontiguousarray(logits[0, 0, :rows, :columns], np.float32)
    frame = np.full(frame_shape[:2], OUTSIDE_LOGIT, np.float32)
    part = cv2.resize(seen, (view.side_w, view.side_h), interpolation=cv2.INTER_LINEAR)
    frame[view.y0 : view.y0 + view.side_h, view.x0 : view.x0 + view.side_w] = part
    return frame


def classifier_input(pixels: RgbImage, box: Roi, model: ClassifierModel) -> FloatArray:
    """Cut the square around a lesion and normalise it.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        box: The mask's bounding box in pixels of the frame.
        model: The classifier's part of the manifest.

    Returns:
        (1, 3, input_size, input_size) float32.
    """
    crop = square_crop(pixels, box, model.context)
    return _normalised(resized(crop, model.input_size, model.input_size), model.normalisation)


def square_crop(pixels: RgbImage, box: Roi, context: float) -> RgbImage:
    """Cut a square around a box, moved inside the frame where it fits, mirrored at the frame's edge where it does not.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        box: The box in pixels of the frame.
        context: Side of the square in longer sides of the box.

    Returns:
        (side, side, 3) uint8 RGB.
    """
    height, width = pixels.shape[:2]
    side = max(round(context * max(box.width, box.height)), 1)
    x0, wide = _inside(box.center[0], side, width)
    y0, high = _inside(box.center[1], side, height)
    part = pixels[y0 : y0 + high, x0 : x0 + wide]
    if wide == side and high == side:
        return part
    left, upper = _overhang(box.center[0], side, wide), _overhang(box.center[1], side, high)
    mirrored = cv2.copyMakeBorder(part, upper, side - high - upper, left, side - wide - left, cv2.BORDER_REFLECT_101)
    return cast("RgbImage", mirrored)


def resized(pixels: RgbImage, width: int, height: int) -> RgbImage:
    """Scale a picture, by area when it shrinks, bilinearly when it grows.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        width: New columns.
        height: New rows.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    shrinks = width <= pixels.shape[1] and height <= pixels.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cast("RgbImage", cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=how))


def _normalised(pixels: RgbImage, how: Normalisation) -> FloatArray:
    """(1, 3, h, w) float32 of `(rgb / 255 - mean) / std`."""
    mean, std = np.array(how.mean, np.float32), np.array(how.std, np.float32)
    scaled = pixels.astype(np.float32) * (1 / (255 * std)) - mean / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)


def _minmax(pixels: RgbImage) -> FloatArray:
    """(1, 3, h, w) float32 from 0, the least value of all channels, to 1, the greatest."""
    values = pixels.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    return np.asarray(((values - low) / max(high - low, 1e-8)).transpose(2, 0, 1)[None], np.float32)


def _inside(center: float, side: int, length: int) -> tuple[int, int]:
    """Start and extent of `side` pixels around `center`, moved inside 0..length and cut to it."""
    extent = min(side, length)
    start = round(center - side / 2)
    return min(max(start, 0), length - extent), extent


def _overhang(center: float, side: int, extent: int) -> int:
    """Pixels to mirror before the frame's first one so that `center` stays as near the square's middle as it can."""
    return min(max(round(side / 2 - center), 0), side - extent)
