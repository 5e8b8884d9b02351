"""Assembles a model bundle: ONNX files, manifest, golden cases of the phantom, model card.

    python models/make_bundle.py --folder BUILD --target models/dermscan-0.4.0

What was chosen on the validation part (`choose_box.py`, `choose_bands.py`) is read from the build folder. A bundle
around a reference (`--segmenter lite` or `vit-b`) has the same detector and classifier, and is not shipped.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
import typer

from choose_box import LITE_CONTEXT
from data import CODES, named_sets
from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import Models, load_models
from dermscan.bundle.golden import prove
from dermscan.bundle.loading import MANIFEST_NAME, load_bundle
from dermscan.bundle.manifest import (
    BundleFile,
    ClassifierModel,
    GoldenCase,
    Manifest,
    Normalisation,
    RoiModel,
    SegmentationModel,
)
from dermscan.capture.phantom import EMPTY, HELD, PhantomScene, render_phantom
from dermscan.domain import Assessment, Frame, RgbImage
from dermscan.settings import ModelSettings, QualitySettings
from export import CLASSIFIER_SIZE, ROI_SIZE
from export_student import STUDENT_SIZE
from medsam import VIT_SIZE
from model_card import write_card
from networks import MEAN, STD
from provenance import Origin, checked_out
from segmenting import INPUT_SIZE
from sign_bundle import sign
from train_classifier import CONTEXT

SHIPPED = {"roi": "roi.quantised.onnx", "classifier": "classifier.quantised.onnx"}
"""Which of the exported files a bundle carries, by their name in the bundle; the choice is argued in the model card."""


@dataclass(frozen=True, slots=True)
class Segmenter:
    """One segmenter of the family, as a bundle carries it.

    Attributes:
        family: Its name in the manifest.
        encoder: The exported encoder.
        decoder: The exported decoder.
        fed: How it is fed: input side, normalisation, view.
    """

    family: Literal["medsam-edge", "medsam-lite", "medsam-vit-b"]
    encoder: str
    decoder: str
    fed: dict[str, Any]


SCENES = {
    "phantom-a": PhantomScene(width=400, height=300, lesion=0, pose=HELD),
    "phantom-b": PhantomScene(width=400, height=300, lesion=3, pose=HELD),
    "phantom-bare": PhantomScene(width=400, height=300, lesion=None, pose=EMPTY),
}
LARGEST_BUNDLE = 25_000_000
SCALING = Normalisation(mean=MEAN, std=STD)
CARD_NAME = "MODEL_CARD.md"


def bundle_file(folder: Path, name: str) -> BundleFile:
    """A file of the bundle with its hash."""
    content = (folder / name).read_bytes()
    return BundleFile(path=name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def choices(folder: Path, name: str) -> dict[str, Any]:
    """What was chosen on the validation part."""
    return json.loads((folder / f"{name}-choices.json").read_text(encoding="utf-8"))


def manifest_of(
    folder: Path, target: Path, segmenter: Segmenter, golden: tuple[GoldenCase, ...], origin: Origin
) -> Manifest:
    """The manifest of what lies in the target."""
    box, bands = choices(folder, "box"), choices(folder, "bands")
    return Manifest(
        format_version=1,
        name=target.name,
        created=datetime.now(UTC).date().isoformat(),
        roi=RoiModel(file=bundle_file(target, "roi.onnx"), input_size=ROI_SIZE, normalisation=SCALING, **box["roi"]),
        segmentation=SegmentationModel(
            family=segmenter.family,
            encoder=bundle_file(target, "medsam-encoder.onnx"),
            decoder=bundle_file(target, "medsam-decoder.onnx"),
            **box["segmentation"] | segmenter.fed,
        ),
        classifier=ClassifierModel(
            file=bundle_file(target, "classifier.onnx"),
            input_size=CLASSIFIER_SIZE,
            context=CONTEXT,
            normalisation=SCALING,
            labels=CODES,
            **bands["classifier"],
        ),
        golden=golden,
        provenance=(origin.own("roi"), origin.segmenter(segmenter.family), origin.own("classifier")),
    )


MINMAX = {"normalisation": "minmax", "context": LITE_CONTEXT}
SEGMENTERS = {
    "edge": Segmenter(
        "medsam-edge",
        "edge-encoder.quantised.onnx",
        "edge-decoder.half.onnx",
        {"input_size": STUDENT_SIZE, "normalisation": SCALING},
    ),
    "lite": Segmenter(
        "medsam-lite",
        "medsam-encoder.float32.onnx",
        "medsam-decoder.float32.onnx",
        {"input_size": INPUT_SIZE, **MINMAX},
    ),
    "vit-b": Segmenter(
        "medsam-vit-b",
        "vitb-encoder.float32.onnx",
        "vitb-decoder.float32.onnx",
        {"input_size": VIT_SIZE, **MINMAX},
    ),
}


def write_manifest(manifest: Manifest, target: Path) -> None:
    """Write the manifest, readable, in the order of its form."""
    (target / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def golden_case(name: str, scene: PhantomScene, models: Models, target: Path) -> GoldenCase:
    """Render one phantom, run the pipeline on it, and file what it says."""
    pixels, _ = render_phantom(scene)
    _write_png(target / f"golden/{name}.png", pixels[..., ::-1])
    assessment = assess(_still(pixels), models, QualitySettings())
    return GoldenCase(
        image=bundle_file(target, f"golden/{name}.png"),
        mask=_golden_mask(name, assessment, target),
        min_dice=0.95,
        probabilities=tuple(round(share, 6) for share in assessment.probabilities.values()),
        tolerance=0.1,
    )


def _still(pixels: RgbImage) -> Frame:
    return Frame(pixels, sequence=0, monotonic_s=0.0, taken_at=datetime.now(UTC))


def _golden_mask(name: str, assessment: Assessment, target: Path) -> BundleFile | None:
    if assessment.mask is None:
        return None
    file = f"golden/{name}-mask.png"
    _write_png(target / file, assessment.mask.pixels.astype(np.uint8) * 255, (cv2.IMWRITE_PNG_BILEVEL, 1))
    return bundle_file(target, file)


def _write_png(path: Path, pixels: np.ndarray, settings: tuple[int, ...] = (cv2.IMWRITE_PNG_COMPRESSION, 9)) -> None:
    if not cv2.imwrite(str(path), pixels, list(settings)):
        raise OSError(path)


def main(
    folder: Annotated[Path, typer.Option(help="Build folder: exports and choices.")],
    target: Annotated[Path, typer.Option(help="Folder of the bundle; its name becomes the bundle's.")],
    segmenter: Annotated[str, typer.Option(help="`edge`, or a reference: `lite`, `vit-b`.")] = "edge",
    key: Annotated[Path | None, typer.Option(help="Sign with this private key (sign_bundle.py).")] = None,
    commit: Annotated[str, typer.Option(help="Of the scripts that trained; this checkout's by default.")] = "",
    sets: Annotated[str, typer.Option(help="Sets that were learned from, with commas between; all by default.")] = "",
) -> None:
    """Make the bundle, prove it by its own golden cases, and print its size."""
    chosen, origin = SEGMENTERS[segmenter], Origin(named_sets(sets), commit or checked_out())
    (target / "golden").mkdir(parents=True, exist_ok=True)
    for name, source in (SHIPPED | {"medsam-encoder": chosen.encoder, "medsam-decoder": chosen.decoder}).items():
        shutil.copyfile(folder / "export" / source, target / f"{name}.onnx")
    write_manifest(manifest_of(folder, target, chosen, (), origin), target)
    models = load_models(load_bundle(target), ModelSettings())
    golden = tuple(golden_case(name, scene, models, target) for name, scene in SCENES.items())
    manifest = manifest_of(folder, target, chosen, golden, origin)
    write_manifest(manifest, target)
    if segmenter == "edge" and not sets:
        write_card(target)
        write_manifest(manifest.model_copy(update={"card": bundle_file(target, CARD_NAME)}), target)
    if key is not None:
        sign(target, key)
    for result in prove(load_bundle(target), lambda frame: assess(frame, models, QualitySettings())):
        print(result)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{target.name}: {size / 1e6:.2f} MB")
    if segmenter == "edge" and size > LARGEST_BUNDLE:
        message = f"the bundle may have {LARGEST_BUNDLE} bytes"
        raise ValueError(message)


if __name__ == "__main__":
    typer.run(main)
