"""The manifest of a model bundle: what its files are, how they are to be fed, and where they come from."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

FORMAT_VERSION = 1
"""Version of the manifest's form. It is read first; a greater one is refused."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Triple = tuple[float, float, float]
_VERSION = re.compile(r"-(\d{1,6})\.(\d{1,6})\.(\d{1,6})$")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BundleFile(_Part):
    """One file of the bundle.

    Attributes:
        path: Relative to the manifest, POSIX separators, inside the bundle's folder.
        sha256: Hash of the file's bytes.
        bytes: The file's length.
    """

    path: str
    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]

    @field_validator("path")
    @classmethod
    def _stay_inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or "\\" in value:
            message = "a bundle's files lie inside its folder"
            raise ValueError(message)
        return value


class Normalisation(_Part):
    """How pixels become numbers: `(rgb / 255 - mean) / std`, channel by channel, RGB order."""

    mean: Triple
    std: Triple


class RoiModel(_Part):
    """The detector of the region of interest: a heat map of lesion probability.

    The whole frame, squeezed to `input_size` x `input_size`, goes in as float32 NCHW; out comes one map of logits,
    (1, 1, h, w), over the same field of view.

    Attributes:
        file: The ONNX file.
        input_size: Side of the square input in pixels.
        normalisation: How the input is normalised.
        threshold: Probability from which a pixel of the map counts as lesion.
        min_score: Mean probability inside the component below which there is no lesion in view.
        min_share: Area of the component, as a share of the frame, below which it is noise.
    """

    file: BundleFile
    input_size: Annotated[int, Field(ge=32, le=1024)]
    normalisation: Normalisation
    threshold: Share
    min_score: Share
    min_share: Share


class SegmentationModel(_Part):
    """A promptable segmenter of the Med-SAM family, as an encoder and a decoder.

    A square of the frame around the prompt box (`context` times its longer side, kept inside the frame where it fits)
    is scaled so that its longer side is `input_size`, normalised, and zero-padded below and to the right to (1, 3,
    input_size, input_size) float32 NCHW RGB. The encoder gives the embedding. The decoder takes the embedding and the
    box (1, 1, 4) float32 as x0, y0, x1, y1 in pixels of the padded input, and gives mask logits (1, 1, m, m) over the
    padded input, and the estimated IoU (1, 1).

    Attributes:
        family: Name of the network.
        encoder: The encoder's ONNX file.
        decoder: The decoder's ONNX file.
        input_size: Side of the encoder's square input in pixels.
        normalisation: "minmax" brings the least and the greatest value of all channels to 0 and 1, as LiteMedSAM was
            trained; otherwise by mean and spread of each channel.
        context: Side of the square that is segmented, in longer sides of the prompt box; None takes the whole frame.
        box_margin: Share of its size by which the detector's box is widened on each side before it prompts.
    """

    family: Literal["medsam-lite", "medsam-edge", "medsam-vit-b"]
    encoder: BundleFile
    decoder: BundleFile
    input_size: Annotated[int, Field(ge=64, le=1024)]
    normalisation: Literal["minmax"] | Normalisation
    context: Annotated[float, Field(ge=1.0, le=10.0)] | None
    box_margin: Annotated[float, Field(ge=-0.2, le=0.5)]


class ClassifierModel(_Part):
    """The classifier of the eight codes, on a square crop around the mask.

    The square around the mask's bounding box (`context` times its longer side, moved inside the frame where it fits,
    mirrored at the frame's edge where it does not) is scaled to `input_size` and goes in as float32 NCHW RGB; out come
    logits (1, 8) in the order of `labels`.

    Attributes:
        file: The ONNX file.
        input_size: Side of the square input in pixels.
        context: Side of the crop, in longer sides of the mask's bounding box.
        normalisation: How the input is normalised.
        labels: The codes, in the order of the logits.
        temperature: Divides the logits before the softmax (Guo et al. 2017).
        moderate_from: Risk in per cent from which the band is moderate.
        high_from: Risk in per cent from which the band is high.
        min_confidence: Greatest probability below which the result is indeterminate (`LOW_CONFIDENCE`).
        max_energy: Free energy -log sum exp(logits) above which the picture is unlike those it was trained on
            (Liu et al. 2020), and the result is indeterminate (`UNFAMILIAR`).
    """

    file: BundleFile
    input_size: Annotated[int, Field(ge=64, le=1024)]
    context: Annotated[float, Field(ge=1.0, le=10.0)]
    normalisation: Normalisation
    labels: tuple[str, ...]
    temperature: Annotated[float, Field(gt=0.0, le=20.0)]
    moderate_from: Annotated[float, Field(ge=0.0, le=100.0)]
    high_from: Annotated[float, Field(ge=0.0, le=100.0)]
    min_confidence: Share
    max_energy: float


class Accelerator(_Part):
    """How far an execution provider may run the bundle's networks, where the settings ask for it.

    A provider for which there is no such rule may run all of them, in float32. Each must prove itself on the golden
    cases before it is trusted.

    Attributes:
        provider: ONNX Runtime's name of it.
        networks: The networks that it may run.
        half: Whether it may compute in float16 (TensorRT) or with shortened products (CUDA's TF32).
    """

    provider: Literal["XnnpackExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"]
    networks: tuple[Literal["roi", "encoder", "decoder", "classifier"], ...]
    half: bool = False


class GoldenCase(_Part):
    """One rendered phantom with the results the bundle gave when it was made.

    Attributes:
        image: The picture, PNG, in the bundle.
        mask: The mask, 1-bit PNG of the same size, in the bundle; None where the answer is "no lesion".
        min_dice: Dice that the mask must reach against the golden one.
        probabilities: The eight calibrated probabilities in the order of the classifier's labels.
        tolerance: Greatest difference allowed in any probability.
    """

    image: BundleFile
    mask: BundleFile | None
    min_dice: Share
    probabilities: tuple[float, ...]
    tolerance: Share


class Provenance(_Part):
    """Where a model comes from.

    Attributes:
        role: Which of the models.
        source: Who trained it.
        data: What it was trained on.
        script: What trained it.
        seed: Of the training.
        licence: Under which the weights may be used.
        commit: Of this software's repository, in which the script lies as it was run; empty where it is not told.
    """

    role: str
    source: str
    data: str
    script: str
    seed: int
    licence: str
    commit: Annotated[str, Field(pattern=r"^([0-9a-f]{40})?$")] = ""


class Manifest(_Part):
    """A model bundle's manifest, `manifest.json` in its folder.

    Attributes:
        format_version: Version of this form.
        name: The bundle's name and version, for example `dermscan-0.4.0`.
        created: Date of making, ISO 8601.
        roi: The detector.
        segmentation: The segmenter.
        classifier: The classifier.
        golden: What a self-test must reproduce.
        provenance: Where each model comes from.
        accelerators: Rules for execution providers, at most one for each.
        card: The model card, so that it is signed and installed with the models; None leaves it out.
    """

    format_version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
    created: str
    roi: RoiModel
    segmentation: SegmentationModel
    classifier: ClassifierModel
    golden: tuple[GoldenCase, ...]
    provenance: tuple[Provenance, ...]
    accelerators: tuple[Accelerator, ...] = ()
    card: BundleFile | None = None

    @property
    def version(self) -> tuple[int, int, int] | None:
        """Major, minor and patch version at the name's end; None where it names none."""
        found = _VERSION.search(self.name)
        return None if found is None else (int(found[1]), int(found[2]), int(found[3]))

    @property
    def files(self) -> tuple[BundleFile, ...]:
        """Every file of the bundle, in the order of the manifest."""
        models = (self.roi.file, self.segmentation.encoder, self.segmentation.decoder, self.classifier.file)
        golden = tuple(file for case in self.golden for file in (case.image, case.mask) if file is not None)
        return models + golden + (() if self.card is None else (self.card,))
