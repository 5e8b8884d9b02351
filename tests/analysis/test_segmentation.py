"""A box becomes one component without holes, at the frame's own resolution."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dermscan.analysis.runtime import Models
from dermscan.analysis.segmentation import bounding_box, decode, embed, one_component, plausible, segment
from dermscan.domain import Frame, LesionMask, Roi


def filled(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float(np.count_nonzero(one & other)) / float(one.sum() + other.sum())


def test_the_dark_lesion_is_outlined(
    tiny_models: Models, make_frame: Callable[..., Frame], render: Callable[..., np.ndarray]
) -> None:
    frame = make_frame(render(480, 640))
    mask = segment(frame, Roi(180, 110, 460, 370), tiny_models)
    truth = np.zeros((480, 640), np.uint8)
    cv2.ellipse(truth, (320, 240), (128, 120), 0, 0, 360, 1, cv2.FILLED)
    assert mask is not None
    assert mask.pixels.shape == (480, 640)
    assert dice(mask.pixels, truth > 0) > 0.96
    assert mask.confidence == pytest.approx(0.9)


def test_skin_alone_has_no_mask(
    tiny_models: Models, make_frame: Callable[..., Frame], render: Callable[..., np.ndarray]
) -> None:
    pixels = render(axes=None)
    pixels[70:90, 70:90] = 0
    assert segment(make_frame(pixels), Roi(100, 100, 180, 180), tiny_models) is None


def test_a_box_is_decoded_anew_without_encoding_again(
    tiny_models: Models, make_frame: Callable[..., Frame], render: Callable[..., np.ndarray]
) -> None:
    frame, roi = make_frame(render()), Roi(90, 55, 230, 185)
    embedding = embed(frame, roi, tiny_models)
    first, again = decode(embedding, roi, tiny_models), decode(embedding, roi, tiny_models)
    whole = segment(frame, roi, tiny_models)
    assert first is not None
    assert again is not None
    assert whole is not None
    assert np.array_equal(first.pixels, whole.pixels)
    assert np.array_equal(first.pixels, again.pixels)
    assert decode(embedding, Roi(100, 60, 220, 180), tiny_models) is not None


def test_the_component_with_most_pixels_in_the_box_is_kept() -> None:
    mask = filled((100, 100), (0, 0, 60, 30), (40, 50, 70, 80))
    kept = one_component(mask, Roi(35, 45, 75, 85))
    assert kept is not None
    assert np.array_equal(kept, filled((100, 100), (40, 50, 70, 80)))


def test_holes_are_filled_and_islands_dropped() -> None:
    mask = filled((100, 100), (20, 20, 80, 80))
    mask[40:60, 40:60] = False
    mask[50, 50] = True
    kept = one_component(mask, Roi(20, 20, 80, 80))
    assert kept is not None
    assert np.array_equal(kept, filled((100, 100), (20, 20, 80, 80)))


def test_a_bay_is_not_a_hole() -> None:
    mask = filled((100, 100), (20, 20, 80, 80))
    mask[20:60, 45:55] = False
    kept = one_component(mask, Roi(20, 20, 80, 80))
    assert kept is not None
    assert np.array_equal(kept, mask)


def test_nothing_in_the_box_is_no_mask() -> None:
    assert one_component(filled((50, 50), (0, 0, 10, 10)), Roi(20, 20, 40, 40)) is None


@settings(deadline=None, max_examples=60)
@given(lesion=arrays(np.bool_, (24, 24)), x=st.integers(0, 20), y=st.integers(0, 20))
def test_what_is_kept_is_always_one_component_without_holes(lesion: np.ndarray, x: int, y: int) -> None:
    kept = one_component(lesion, Roi(x, y, x + 4, y + 4))
    if kept is None:
        assert not lesion[y : y + 4, x : x + 4].any()
        return
    count, _ = cv2.connectedComponents(kept.astype(np.uint8), connectivity=8)
    background = np.pad(~kept, 1, constant_values=True).astype(np.uint8)
    holes, _ = cv2.connectedComponents(background, connectivity=4)
    assert count == 2
    assert holes == 2
    assert kept[y : y + 4, x : x + 4].any()


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((20, 20, 60, 60), True),
        ((20, 20, 34, 34), False),
        ((20, 20, 95, 95), True),
        ((50, 50, 99, 99), False),
    ],
    ids=["fills the box", "a corner of the box", "reaches out of the box", "lies mostly beside it"],
)
def test_a_mask_must_answer_its_box(box: tuple[int, int, int, int], *, expected: bool) -> None:
    mask = LesionMask(filled((100, 100), box), 0.9)
    assert plausible(mask, Roi(20, 20, 75, 75)) is expected


def test_a_few_pixels_are_never_plausible() -> None:
    assert not plausible(LesionMask(filled((50, 50), (10, 10, 17, 17)), 0.9), Roi(10, 10, 17, 17))


def test_the_bounding_box_is_the_smallest() -> None:
    mask = LesionMask(filled((50, 60), (10, 20, 31, 42)), 0.7)
    assert bounding_box(mask) == Roi(10, 20, 31, 42, 0.7)
