"""A heat map becomes the right box, or none."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.analysis.roi import find_roi, find_rois, region, regions
from dermscan.analysis.runtime import Models
from dermscan.bundle.manifest import BundleFile, Normalisation, RoiModel
from dermscan.domain import Frame

MODEL = RoiModel(
    file=BundleFile(path="roi.onnx", sha256="0" * 64, bytes=1),
    input_size=256,
    normalisation=Normalisation(mean=(0, 0, 0), std=(1, 1, 1)),
    threshold=0.5,
    min_score=0.6,
    min_share=0.004,
)
SHAPE = (480, 640, 3)


def heat(*boxes: tuple[int, int, int, int], side: int = 64, inside: float = 6.0) -> np.ndarray:
    """Logits with boxes x0, y0, x1, y1 in cells of the map."""
    logits = np.full((1, 1, side, side), -6.0, np.float32)
    for x0, y0, x1, y1 in boxes:
        logits[0, 0, y0:y1, x0:x1] = inside
    return logits


def test_the_box_of_a_single_component_is_found_in_pixels_of_the_frame() -> None:
    found = region(heat((16, 16, 48, 32)), MODEL, SHAPE)
    assert found is not None
    assert (found.x0, found.y0, found.x1, found.y1) == pytest.approx((160, 120, 480, 240), abs=2.6)
    assert 0.9 < found.score <= 1


def test_an_empty_map_has_no_lesion() -> None:
    assert region(heat(), MODEL, SHAPE) is None


def test_a_speck_is_noise() -> None:
    assert region(heat((30, 30, 32, 32)), MODEL, SHAPE) is None
    assert region(heat((30, 30, 36, 36)), MODEL, SHAPE) is not None


def test_an_uncertain_component_is_no_lesion() -> None:
    assert region(heat((20, 20, 40, 40), inside=0.2), MODEL, SHAPE) is None


def test_a_certain_speck_in_an_uncertain_surrounding_does_not_hide_a_certain_lesion() -> None:
    logits = heat((20, 20, 32, 32))
    logits[0, 0, 40:60, 40:60] = 0.1
    found = region(logits, MODEL, SHAPE)
    assert found is not None
    assert found.x1 < 340


def test_of_two_equal_lesions_the_middle_one_wins() -> None:
    found = region(heat((0, 0, 12, 12), (26, 26, 38, 38)), MODEL, SHAPE)
    assert found is not None
    assert found.center == pytest.approx((320, 240), abs=3)


def test_a_much_greater_lesion_wins_over_a_small_one_in_the_middle() -> None:
    found = region(heat((4, 4, 28, 28), (31, 31, 35, 35)), MODEL, SHAPE)
    assert found is not None
    assert found.width > 200


def test_touching_corners_are_one_lesion() -> None:
    found = region(heat((10, 10, 20, 20), (20, 20, 30, 30)), MODEL, SHAPE)
    assert found is not None
    assert found.width == pytest.approx(200, abs=6)


def test_a_lesion_over_the_whole_frame_has_its_box() -> None:
    found = region(heat((0, 0, 64, 64)), MODEL, SHAPE)
    assert found is not None
    assert (found.x0, found.y0, found.x1, found.y1) == (0, 0, 640, 480)


def test_extreme_logits_are_no_numerical_trouble() -> None:
    logits = heat((20, 20, 40, 40), inside=6e6)
    found = region(logits, MODEL, SHAPE)
    assert found is not None
    assert found.score == pytest.approx(1.0, abs=0.05)


def test_the_edge_lies_between_cells_where_the_probability_says_so() -> None:
    blunt, sharp = heat((16, 16, 48, 48)), heat((16, 16, 48, 48))
    blunt[0, 0, 16:48, 48] = -1.0
    wider, tighter = region(blunt, MODEL, SHAPE), region(sharp, MODEL, SHAPE)
    assert wider is not None
    assert tighter is not None
    assert 0 < wider.x1 - tighter.x1 < 10


lesions = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(6, 24), st.integers(6, 24))


@given(lesion=lesions, height=st.integers(60, 1200), width=st.integers(60, 1600))
def test_any_single_lesion_is_found_where_it_is_in_any_frame(
    lesion: tuple[int, int, int, int], height: int, width: int
) -> None:
    x, y, wide, high = lesion
    found = region(heat((x, y, x + wide, y + high)), MODEL, (height, width, 3))
    assert found is not None
    expected = np.array([x * width, y * height, (x + wide) * width, (y + high) * height]) / 64
    cell = np.array([width, height, width, height]) / 64
    assert (np.abs(np.array([found.x0, found.y0, found.x1, found.y1]) - expected) <= 0.3 * cell).all()
    assert 0 <= found.x0 < found.x1 <= width
    assert 0 <= found.y0 < found.y1 <= height


@given(values=st.lists(st.floats(-20, 20, width=32), min_size=64, max_size=64))
def test_whatever_the_map_says_the_answer_is_a_box_in_the_frame_or_none(values: list[float]) -> None:
    found = region(np.array(values, np.float32).reshape(1, 1, 8, 8), MODEL, SHAPE)
    if found is not None:
        assert 0 <= found.x0 < found.x1 <= 640
        assert 0 <= found.y0 < found.y1 <= 480
        assert MODEL.min_score <= found.score <= 1


def test_the_network_finds_a_dark_lesion_and_the_box_is_widened(
    tiny_models: Models, make_frame: Callable[..., Frame], render: Callable[..., np.ndarray]
) -> None:
    found = find_roi(make_frame(render()), tiny_models)
    assert found is not None
    expected = np.array([160 - 64 * 1.1, 120 - 60 * 1.1, 160 + 64 * 1.1, 120 + 60 * 1.1])
    assert np.array([found.x0, found.y0, found.x1, found.y1]) == pytest.approx(expected, abs=6)


def test_the_network_finds_nothing_on_bare_skin(
    tiny_models: Models, make_frame: Callable[..., Frame], render: Callable[..., np.ndarray]
) -> None:
    assert find_roi(make_frame(render(axes=None)), tiny_models) is None


def test_all_lesions_are_found_and_the_large_central_one_is_first() -> None:
    boxes = regions(heat((2, 2, 14, 14), (24, 24, 44, 44), (50, 50, 60, 60)), MODEL, SHAPE)
    assert len(boxes) == 3
    assert boxes[0] == region(heat((24, 24, 44, 44)), MODEL, SHAPE)
    assert [box.width for box in boxes] == sorted((box.width for box in boxes), reverse=True)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), unique=True, max_size=16))
def test_there_are_as_many_boxes_as_certain_components(cells: list[tuple[int, int]]) -> None:
    boxes = regions(heat(*((16 * x + 3, 16 * y + 3, 16 * x + 12, 16 * y + 12) for x, y in cells)), MODEL, SHAPE)
    assert len(boxes) == len(cells)
    assert len({(round(box.x0 / 160), round(box.y0 / 120)) for box in boxes}) == len(cells)


def test_the_first_of_all_lesions_is_the_one_that_is_aimed_at(
    make_frame: Callable[..., Frame], tiny_models: Models, render: Callable[..., np.ndarray]
) -> None:
    frame = make_frame(render())
    assert find_rois(frame, tiny_models)[0] == find_roi(frame, tiny_models)
