"""Bundles of every family of segmenters load and run from frame to assessment, here with random weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from dermscan.analysis.pipeline import assess
from dermscan.analysis.preparation import PromptPoint, prompt_points, segmentation_view
from dermscan.analysis.runtime import load_models
from dermscan.analysis.segmentation import decode, embed
from dermscan.bundle.loading import Bundle
from dermscan.domain import Frame, Roi
from dermscan.errors import BundleUnsupported
from dermscan.settings import ModelSettings, QualitySettings

MakeFamily = Callable[..., Bundle]
MakeFrame = Callable[..., Frame]
Render = Callable[..., np.ndarray[Any, Any]]
SPREAD = {"mean": (0.498, 0.498, 0.498), "std": (0.502, 0.502, 0.502)}
BOX = Roi(90, 55, 230, 185)


@pytest.mark.parametrize(
    ("family", "points"),
    [
        (("medsam-lite", 256, 4, "minmax"), 0),
        (("medsam-vit-b", 1024, 16, "minmax"), 0),
        (("medsam-edge", 192, 4, SPREAD), 4),
        (("medsam-edge", 256, 4, SPREAD), 4),
        (("medsam-edge", 320, 8, SPREAD), 0),
    ],
)
def test_a_bundle_of_the_family_runs_from_frame_to_assessment(
    make_family: MakeFamily, make_frame: MakeFrame, render: Render, family: tuple[Any, ...], points: int
) -> None:
    models = load_models(make_family(*family, points=points), ModelSettings())
    assert models.point_slots == points
    frame = make_frame(render(480, 640))
    assessment = assess(frame, models, QualitySettings())
    assert assessment.mask is not None
    assert assessment.mask.pixels.shape == (480, 640)
    assert 0.5 < assessment.mask.area_px / (np.pi * 128 * 120) < 1.5, "it is the dark ellipse"
    assert assessment.features is not None
    assert sum(assessment.probabilities.values()) == pytest.approx(1)


def test_points_reach_the_decoder(make_family: MakeFamily, make_frame: MakeFrame, render: Render) -> None:
    models = load_models(make_family("medsam-edge", 192, 4, SPREAD, points=4), ModelSettings())
    frame = make_frame(render())
    embedding = embed(frame, BOX, models)

    def told(*points: PromptPoint) -> float:
        mask = decode(embedding, BOX, models, points=points)
        assert mask is not None
        return mask.confidence

    lesion, skin = PromptPoint(160, 120, lesion=True), PromptPoint(95, 60, lesion=False)
    assert told() == 0
    assert told(lesion) == pytest.approx(0.25)
    assert told(skin) == pytest.approx(0.125)
    assert told(lesion, skin, lesion, skin) == pytest.approx(0.75)


def test_more_points_than_the_decoder_takes_are_a_mistake_of_the_caller(
    make_family: MakeFamily, make_frame: MakeFrame, render: Render
) -> None:
    models = load_models(make_family("medsam-lite", 256, 4), ModelSettings())
    embedding = embed(make_frame(render()), BOX, models)
    with pytest.raises(ValueError, match="takes 0 points"):
        decode(embedding, BOX, models, points=(PromptPoint(160, 120, lesion=True),))


def test_points_are_moved_as_the_box_is(tiny_bundle: Bundle) -> None:
    model = tiny_bundle.manifest.segmentation
    view = segmentation_view((240, 320), BOX, model)
    corners = (PromptPoint(BOX.x0, BOX.y0, lesion=True), PromptPoint(BOX.x1, BOX.y1, lesion=False))
    places, labels = prompt_points(corners, view, model, 4)
    across, down = view.scale
    assert places[0, 0] == pytest.approx([(BOX.x0 - view.x0) * across, (BOX.y0 - view.y0) * down])
    assert places[0, 1] == pytest.approx([(BOX.x1 - view.x0) * across, (BOX.y1 - view.y0) * down])
    assert labels.tolist() == [[1, 0, -1, -1]]
    assert places.dtype == labels.dtype == np.float32
    far = prompt_points((PromptPoint(-500, 9000, lesion=True),), view, model, 1)[0]
    assert far.tolist() == [[[0, model.input_size]]], "kept inside the input"


def rename_labels(model: onnx.ModelProto) -> None:
    model.graph.input[3].name = model.graph.node[3].input[0] = "marks"


def two_dimensions(model: onnx.ModelProto) -> None:
    model.graph.input[2].type.tensor_type.shape.dim[2].dim_value = 3


@pytest.mark.parametrize("change", [rename_labels, two_dimensions])
def test_a_decoder_of_another_kind_is_unsupported(
    make_family: MakeFamily, change: Callable[[onnx.ModelProto], None]
) -> None:
    bundle = make_family("medsam-edge", 192, 4, SPREAD, points=4)
    model = onnx.load(bundle.folder / "decoder.onnx")
    change(model)
    onnx.save(model, bundle.folder / "decoder.onnx")
    with pytest.raises(BundleUnsupported, match=r"decoder\.onnx does not take points"):
        load_models(bundle, ModelSettings())
