"""The exported Med-SAM outlines what the PyTorch network outlines, on real pictures, and is a bundle's segmenter."""

import importlib.util
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import load_models
from dermscan.bundle.loading import Bundle
from dermscan.capture.phantom import HELD, PhantomScene, render_phantom
from dermscan.domain import Frame
from dermscan.evaluation.overlap import dice
from dermscan.settings import ModelSettings, QualitySettings

pytestmark = [pytest.mark.training, pytest.mark.data, pytest.mark.timeout(1800)]

COUNTS = {"isic2018": 12, "ham224": 4, "clinical300": 4}

Masks = list[np.ndarray[tuple[int, int], np.dtype[np.bool_]]]
Outline = Callable[[Any], Masks]


@pytest.fixture(scope="module")
def outline(house: Callable[[str], Any], lesion_data: Path) -> Outline:
    """Outlines twenty real pictures, each behind the expert's box, with a network."""
    data, segmenting, choose_box = house("data"), house("segmenting"), house("choose_box")
    rows = choose_box.spread(data.read_rows(lesion_data, "test"), COUNTS)
    assert len(rows) == 20

    def outlined(network: Any) -> Masks:
        masks = []
        for row in rows:
            pixels, box = data.read_image(row.image), data.mask_box(data.read_mask(row.mask))
            masks.append(segmenting.segment(pixels, box, network, segmenting.feeding(None)))
        return masks

    return outlined


@pytest.fixture(scope="module")
def expected(house: Callable[[str], Any], outline: Outline) -> Masks:
    return outline(house("segmenting").TorchNetwork(*house("medsam").lite_medsam()))


@pytest.mark.filterwarnings("ignore")  # the exporter warns of its own ways, in categories of its own
def test_the_float32_export_outlines_every_picture_as_pytorch_does(
    house: Callable[[str], Any],
    outline: Outline,
    expected: Masks,
    tmp_path: Path,
) -> None:
    paths = house("export_medsam").export_reference(house("medsam").lite_medsam(), 256, "medsam", tmp_path)
    found = outline(house("segmenting").OnnxNetwork(*paths))
    agreement = [dice(one, other) for one, other in zip(found, expected, strict=True)]
    assert min(agreement) >= 0.995, agreement


@pytest.mark.filterwarnings("ignore")
def test_int8_products_outline_the_pictures_as_pytorch_does_on_average(
    house: Callable[[str], Any],
    outline: Outline,
    expected: Masks,
    tmp_path: Path,
) -> None:
    house("export_medsam").export_lite(tmp_path)
    network = house("segmenting").OnnxNetwork(
        tmp_path / "medsam-encoder.products.onnx", tmp_path / "medsam-decoder.products.onnx"
    )
    agreement = [dice(one, other) for one, other in zip(outline(network), expected, strict=True)]
    assert np.mean(agreement) >= 0.995, agreement


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ["medsam-lite", "medsam-vit-b"])
def test_a_reference_runs_as_a_bundle(house: Callable[[str], Any], bundle: Bundle, tmp_path: Path, family: str) -> None:
    """MedSAM on ViT-B has random weights here: its checkpoint of 360 MB is not at hand; its way is what is tried."""
    medsam, export = house("medsam"), house("export_medsam")
    if family == "medsam-vit-b" and importlib.util.find_spec("segment_anything") is None:
        pytest.skip("segment-anything is not installed")
    lite = family == "medsam-lite"
    parts, size = (medsam.lite_medsam(), 256) if lite else (medsam.medsam_vit_b(None), 1024)
    for file in bundle.folder.rglob("*.onnx"):
        shutil.copyfile(file, tmp_path / file.name)
    paths = export.export_reference(parts, size, "reference", tmp_path)
    encoder, decoder = (house("make_bundle").bundle_file(tmp_path, path.name) for path in paths)
    fed = {"family": family, "input_size": size, "normalisation": "minmax", "encoder": encoder, "decoder": decoder}
    segmentation = bundle.manifest.segmentation.model_copy(update=fed)
    reference = Bundle(tmp_path, bundle.manifest.model_copy(update={"segmentation": segmentation}), "0" * 64)
    pixels, truth = render_phantom(PhantomScene(width=400, height=300, lesion=0, pose=HELD))
    frame = Frame(pixels, sequence=0, monotonic_s=0.0, taken_at=datetime.now(UTC))
    assessment = assess(frame, load_models(reference, ModelSettings()), QualitySettings())
    assert assessment.roi is not None
    if lite:
        assert assessment.mask is not None
        assert dice(assessment.mask.pixels, truth) > 0.85
