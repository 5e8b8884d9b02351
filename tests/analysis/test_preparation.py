"""What the models are fed is exactly what the manifest says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.analysis.preparation import (
    OUTSIDE_LOGIT,
    classifier_input,
    logits_to_frame,
    prompt_box,
    roi_input,
    segmentation_input,
    segmentation_view,
    square_crop,
    widened,
)
from dermscan.bundle.manifest import BundleFile, ClassifierModel, Normalisation, RoiModel, SegmentationModel
from dermscan.domain import RgbImage, Roi

FILE = BundleFile(path="model.onnx", sha256="0" * 64, bytes=1)
IMAGENET = Normalisation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
ROI = RoiModel(file=FILE, input_size=64, normalisation=IMAGENET, threshold=0.5, min_score=0.5, min_share=0.001)
CLASSIFIER = ClassifierModel(
    file=FILE,
    input_size=64,
    context=1.5,
    normalisation=IMAGENET,
    labels=("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"),
    temperature=1.0,
    moderate_from=10.0,
    high_from=50.0,
    min_confidence=0.2,
    max_energy=0.0,
)


def segmenter(context: float | None) -> SegmentationModel:
    return SegmentationModel(
        family="medsam-lite",
        encoder=FILE,
        decoder=FILE,
        input_size=256,
        normalisation="minmax",
        context=context,
        box_margin=0.0,
    )


def picture(height: int, width: int) -> RgbImage:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_the_detector_sees_the_whole_frame_normalised_in_rgb_order() -> None:
    pixels = np.zeros((30, 50, 3), np.uint8)
    pixels[..., 0] = 255
    given_in = roi_input(pixels, ROI)
    assert given_in.shape == (1, 3, 64, 64)
    assert given_in.dtype == np.float32
    for channel, value in enumerate((1.0, 0.0, 0.0)):
        expected = (value - IMAGENET.mean[channel]) / IMAGENET.std[channel]
        assert given_in[0, channel] == pytest.approx(np.full((64, 64), expected), abs=1e-5)


def test_without_context_the_whole_frame_is_scaled_by_its_longer_side_and_padded() -> None:
    model = segmenter(None)
    pixels = picture(300, 400)
    view = segmentation_view(pixels.shape, Roi(10, 10, 90, 50), model)
    assert (view.x0, view.y0, view.side_w, view.side_h) == (0, 0, 400, 300)
    assert (view.scaled_w, view.scaled_h) == (256, 192)
    given_in = segmentation_input(pixels, view, model)
    assert given_in.shape == (1, 3, 256, 256)
    assert given_in.min() == 0
    assert given_in.max() == 1
    assert not given_in[:, :, 192:].any()


def test_a_segmenter_may_be_fed_by_mean_and_spread_and_padded_with_the_mean() -> None:
    model = segmenter(None).model_copy(update={"normalisation": IMAGENET})
    pixels = np.full((30, 40, 3), 51, np.uint8)
    given_in = segmentation_input(pixels, segmentation_view(pixels.shape, Roi(0, 0, 9, 9), model), model)
    for channel in range(3):
        expected = (0.2 - IMAGENET.mean[channel]) / IMAGENET.std[channel]
        assert given_in[0, channel, :192] == pytest.approx(np.full((192, 256), expected), abs=1e-5)
    assert not given_in[:, :, 192:].any()


def test_a_flat_picture_does_not_divide_by_zero() -> None:
    model = segmenter(1.5)
    pixels = np.full((40, 40, 3), 7, np.uint8)
    view = segmentation_view(pixels.shape, Roi(10, 10, 30, 30), model)
    assert not segmentation_input(pixels, view, model).any()


@pytest.mark.parametrize(
    ("roi", "expected"),
    [
        (Roi(100, 100, 140, 120), (80, 70, 80, 80)),
        (Roi(0, 0, 40, 20), (0, 0, 80, 80)),
        (Roi(260, 180, 300, 200), (220, 120, 80, 80)),
        (Roi(20, 20, 280, 180), (0, 0, 300, 200)),
        (Roi(50, 0, 190, 200), (0, 0, 300, 200)),
    ],
    ids=["middle", "upper left corner", "lower right corner", "greater than the frame", "taller than the frame"],
)
def test_the_square_is_moved_inside_the_frame_and_cut_where_it_is_smaller(
    roi: Roi, expected: tuple[int, int, int, int]
) -> None:
    view = segmentation_view((200, 300, 3), roi, segmenter(2.0))
    assert (view.x0, view.y0, view.side_w, view.side_h) == expected


def test_the_box_follows_the_picture_into_the_padded_input() -> None:
    model = segmenter(2.0)
    roi = Roi(100, 100, 140, 120)
    view = segmentation_view((200, 300, 3), roi, model)
    assert prompt_box(roi, view, model) == pytest.approx(np.array([[[64.0, 96.0, 192.0, 160.0]]]))
    assert prompt_box(roi, view, model).dtype == np.float32


boxes = st.tuples(st.integers(0, 150), st.integers(0, 100), st.integers(4, 140), st.integers(4, 90))


@given(box=boxes, context=st.one_of(st.none(), st.floats(1.0, 4.0)))
def test_a_box_goes_into_the_input_and_its_mask_comes_back(
    box: tuple[int, int, int, int], context: float | None
) -> None:
    x0, y0, wide, high = box
    roi = Roi(x0, y0, x0 + wide, y0 + high)
    model, shape = segmenter(context), (200, 300, 3)
    view = segmentation_view(shape, roi, model)
    left, upper, right, lower = prompt_box(roi, view, model)[0, 0]
    rows, columns = np.mgrid[0:256, 0:256] + 0.5
    inside = (columns > left) & (columns < right) & (rows > upper) & (rows < lower)
    logits = np.where(inside, 8.0, -8.0).astype(np.float32)[None, None]
    mask = logits_to_frame(logits, view, shape) > 0
    truth = np.zeros(shape[:2], bool)
    truth[y0 : y0 + high, x0 : x0 + wide] = True
    step = 2 * max(view.side_w, view.side_h) / 256 + 1
    assert abs(int(mask.sum()) - int(truth.sum())) <= 2 * step * (wide + high)
    assert np.count_nonzero(mask & ~truth) <= 2 * step * (wide + high)


def test_what_was_not_seen_is_not_lesion() -> None:
    view = segmentation_view((200, 300, 3), Roi(100, 100, 140, 120), segmenter(2.0))
    logits = logits_to_frame(np.ones((1, 1, 256, 256), np.float32), view, (200, 300, 3))
    assert logits.dtype == np.float32
    assert int((logits > 0).sum()) == 80 * 80
    assert logits[0, 0] == OUTSIDE_LOGIT


def test_a_box_is_widened_by_a_share_of_its_size_within_the_frame() -> None:
    assert widened(Roi(10, 20, 30, 60, 0.8), 0.1, (100, 100)) == Roi(8, 16, 32, 64, 0.8)
    assert widened(Roi(0, 0, 100, 100), 0.1, (100, 100)) == Roi(0, 0, 100, 100)
    assert widened(Roi(10, 20, 30, 60), -0.1, (100, 100)) == Roi(12, 24, 28, 56)


def test_a_crop_inside_the_frame_is_the_frame_itself() -> None:
    pixels = picture(100, 120)
    assert np.array_equal(square_crop(pixels, Roi(50, 40, 70, 50), 2.0), pixels[25:65, 40:80])


def test_a_crop_at_the_edge_is_moved_inside() -> None:
    pixels = picture(100, 120)
    assert np.array_equal(square_crop(pixels, Roi(0, 0, 20, 10), 2.0), pixels[:40, :40])


@pytest.mark.parametrize(("height", "width"), [(60, 200), (200, 60), (60, 60)])
def test_a_crop_greater_than_the_frame_mirrors_it(height: int, width: int) -> None:
    pixels = picture(height, width)
    crop = square_crop(pixels, Roi(20, 20, 50, 50), 3.0)
    assert crop.shape == (90, 90, 3)
    assert set(np.unique(crop)) <= set(np.unique(pixels))
    upper = 10 if height == 60 else 0
    if height == 60:
        assert np.array_equal(crop[upper - 1], crop[upper + 1])


@pytest.mark.parametrize("shape", [(60, 200), (2, 2), (480, 640)])
def test_the_classifier_always_gets_its_square(shape: tuple[int, int]) -> None:
    given_in = classifier_input(picture(*shape), Roi(0, 0, 2, 2), CLASSIFIER)
    assert given_in.shape == (1, 3, 64, 64)
    assert given_in.dtype == np.float32
    assert given_in.flags.c_contiguous


def test_inputs_are_the_same_for_a_read_only_frame() -> None:
    pixels = picture(80, 80)
    pixels.setflags(write=False)
    assert np.array_equal(roi_input(pixels, ROI), roi_input(picture(80, 80), ROI))
