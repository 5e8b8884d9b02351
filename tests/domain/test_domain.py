from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dermscan.domain import Frame, LesionMask, Quality, RejectReason, Roi

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def boxes() -> st.SearchStrategy[Roi]:
    edge = st.integers(0, 500)
    side = st.integers(1, 500)
    return st.builds(lambda x, y, w, h: Roi(x, y, x + w, y + h), edge, edge, side, side)


def test_a_frame_cannot_be_changed() -> None:
    frame = Frame(np.zeros((4, 5, 3), np.uint8), 0, 0.0, NOON)
    assert (frame.height, frame.width) == (4, 5)
    with pytest.raises(ValueError, match="read-only"):
        frame.pixels[0, 0, 0] = 1


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((4, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_picture_is_no_frame(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="frame"):
        Frame(pixels, 0, 0.0, NOON)


def test_a_frame_names_its_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Frame(np.zeros((4, 5, 3), np.uint8), 0, 0.0, NOON.replace(tzinfo=None))


def test_a_frame_of_a_sliced_picture_is_contiguous() -> None:
    frame = Frame(np.zeros((8, 8, 3), np.uint8)[::2, ::2], 0, 0.0, NOON)
    assert frame.pixels.flags.c_contiguous


@given(one=boxes(), other=boxes())
def test_overlap_is_symmetric_and_bounded(one: Roi, other: Roi) -> None:
    assert one.iou(other) == pytest.approx(other.iou(one))
    assert 0 <= one.iou(other) <= 1
    assert one.iou(one) == pytest.approx(1)


def test_overlap_on_known_boxes() -> None:
    assert Roi(0, 0, 2, 2).iou(Roi(1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert Roi(0, 0, 2, 2).iou(Roi(2, 0, 3, 2)) == 0
    assert Roi(0, 0, 4, 2).center == (2, 1)


@pytest.mark.parametrize("corners", [(0, 0, 0, 1), (1, 0, 0, 1), (0, float("nan"), 1, 1)])
def test_an_empty_box_is_refused(corners: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="box"):
        Roi(*corners)


def test_a_mask_counts_its_pixels_and_cannot_be_changed() -> None:
    mask = LesionMask(np.eye(3, dtype=np.bool_), 0.9)
    assert mask.area_px == 3
    with pytest.raises(ValueError, match="read-only"):
        mask.pixels[0, 0] = False
    with pytest.raises(ValueError, match="mask"):
        LesionMask(np.zeros((3, 3, 3), np.bool_), 0.5)


def test_the_first_reason_is_the_one_to_mend() -> None:
    reasons = (RejectReason.TOO_DARK, RejectReason.GLARE)
    assert Quality(1, 0.1, 0.5, 0, 0.2, reasons).reject is RejectReason.TOO_DARK
    assert Quality(9, 0.5, 0.0, 0, 0.2).reject is None
