"""Runs Med-SAM on labelled pictures, by ONNX Runtime or by PyTorch, for parity and for the choice of the box."""

from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from dermscan.analysis.preparation import logits_to_frame, prompt_box, segmentation_input, segmentation_view
from dermscan.bundle.manifest import BundleFile, SegmentationModel
from dermscan.domain import RgbImage, Roi
from medsam import INPUT_SIZE, Decoder, Encoder

FloatArray: TypeAlias = NDArray[np.float32]
BoolArray: TypeAlias = NDArray[np.bool_]

UNBOUND = BundleFile(path="unbound.onnx", sha256="0" * 64, bytes=0)
"""Stands for a file where only the way of feeding is asked of a manifest."""


class Network(Protocol):
    """Encoder and decoder, whatever runs them."""

    def embed(self, image: FloatArray) -> FloatArray:
        """The embedding of a prepared image."""

    def decode(self, embedding: FloatArray, box: FloatArray) -> FloatArray:
        """Mask logits for a box."""


class OnnxNetwork:
    """A segmenter of the family run by ONNX Runtime; where its decoder takes points, it is given none."""

    def __init__(self, encoder: Path, decoder: Path, threads: int = 2) -> None:
        """Load both files."""
        self.encoder, self.decoder = session(encoder, threads), session(decoder, threads)
        self.image = self.encoder.get_inputs()[0].name
        self.features, *_ = (given.name for given in self.decoder.get_inputs())
        extra = {given.name: given.shape for given in self.decoder.get_inputs()[2:]}
        self.nothing = {
            name: np.full(shape, -1 if name == "labels" else 0, np.float32) for name, shape in extra.items()
        }

    def embed(self, image: FloatArray) -> FloatArray:
        """The embedding of a prepared image."""
        return np.asarray(self.encoder.run(None, {self.image: image})[0])

    def decode(self, embedding: FloatArray, box: FloatArray) -> FloatArray:
        """Mask logits for a box."""
        return np.asarray(self.decoder.run(None, {self.features: embedding, "box": box, **self.nothing})[0])


class TorchNetwork:
    """Med-SAM run by PyTorch: what the exports are held against."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        """Take both networks."""
        self.encoder, self.decoder = encoder, decoder

    @torch.no_grad()
    def embed(self, image: FloatArray) -> FloatArray:
        """The embedding of a prepared image."""
        return np.asarray(self.encoder(torch.from_numpy(image)))

    @torch.no_grad()
    def decode(self, embedding: FloatArray, box: FloatArray) -> FloatArray:
        """Mask logits for a box."""
        return np.asarray(self.decoder(torch.from_numpy(embedding), torch.from_numpy(box))[0])


def session(path: Path, threads: int = 2) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feeding(context: float | None, margin: float = 0.0) -> SegmentationModel:
    """How LiteMedSAM is fed, with a view and a margin to try."""
    return SegmentationModel(
        family="medsam-lite",
        encoder=UNBOUND,
        decoder=UNBOUND,
        input_size=INPUT_SIZE,
        normalisation="minmax",
        context=context,
        box_margin=margin,
    )


def segment(pixels: RgbImage, box: Roi, network: Network, model: SegmentationModel) -> BoolArray:
    """The raw mask for a box, at the frame's own resolution."""
    view = segmentation_view(pixels.shape, box, model)
    embedding = network.embed(segmentation_input(pixels, view, model))
    return logits_to_frame(network.decode(embedding, prompt_box(box, view, model)), view, pixels.shape) > 0
