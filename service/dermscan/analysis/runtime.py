"""The bundle's networks, ready to run: which file is which, what it must take and give, and where it runs.

The segmenter gives its memory back after each run: between scans it would hold hundreds of megabytes that a board of
4 GB has better use for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, TypeAlias

from dermscan.analysis.preparation import FloatArray
from dermscan.analysis.sessions import OrtNetwork, Placement
from dermscan.bundle.loading import Bundle
from dermscan.bundle.manifest import BundleFile, Manifest
from dermscan.domain import DiagnosisCode
from dermscan.errors import BundleUnsupported
from dermscan.settings import ModelSettings

Network: TypeAlias = Callable[..., tuple[FloatArray, ...]]
"""A network: its inputs in the order of the ONNX file, its outputs in that order."""

Role: TypeAlias = Literal["roi", "encoder", "decoder", "classifier"]
"""What a network of a bundle is for; also the attribute of `Models` that runs it."""

POINT_INPUTS = ("points", "labels")
"""Names of a decoder's inputs beyond embedding and box, when it takes points."""

_EVERYTHING_ON_CPU: Mapping[Role, Placement] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """The networks of one bundle, ready to run.

    Attributes:
        manifest: How they are fed.
        roi: (1, 3, s, s) float32 to the heat map's logits (1, 1, h, w).
        encoder: (1, 3, s, s) float32 to the embedding.
        decoder: Embedding and box (1, 1, 4) float32 to mask logits (1, 1, m, m) and estimated overlap (1, 1). Where
            there are `point_slots`, it takes points (1, k, 2) and labels (1, k) float32 besides.
        classifier: (1, 3, s, s) float32 to logits (1, 8).
        point_slots: How many points a prompt may hold, k; 0 for a decoder that takes a box alone.
    """

    manifest: Manifest
    roi: Network
    encoder: Network
    decoder: Network
    classifier: Network
    point_slots: int = 0

    def exchanged(self, networks: Mapping[Role, Network]) -> "Models":
        """The same bundle with some networks run by something else."""
        return replace(
            self,
            roi=networks.get("roi", self.roi),
            encoder=networks.get("encoder", self.encoder),
            decoder=networks.get("decoder", self.decoder),
            classifier=networks.get("classifier", self.classifier),
        )


def load_models(
    bundle: Bundle, settings: ModelSettings, placements: Mapping[Role, Placement] = _EVERYTHING_ON_CPU
) -> Models:
    """Open a session for each network of a bundle.

    An accelerator that is named here is taken at its word; `accelerating.load_proven_models` asks for proof.

    Args:
        bundle: A bundle whose files were verified.
        settings: Threads.
        placements: Which networks run elsewhere than on the CPU.

    Raises:
        BundleCorrupt: A file is no ONNX model that ONNX Runtime can read.
        BundleUnsupported: A network takes or gives something else than the manifest's form says.
    """
    manifest = bundle.manifest
    if sorted(manifest.classifier.labels) != sorted(DiagnosisCode):
        raise BundleUnsupported(problem="its classifier does not name the eight codes, each once")

    def network(role: Role) -> OrtNetwork:
        return open_network(bundle, role, settings, placements.get(role, Placement()))

    decoder = network("decoder")
    slots = _point_slots(manifest.segmentation.decoder, decoder)
    return Models(manifest, network("roi"), network("encoder"), decoder, network("classifier"), slots)


def open_network(bundle: Bundle, role: Role, settings: ModelSettings, placement: Placement) -> OrtNetwork:
    """Open one network of a bundle; see `load_models` for the errors."""
    file, inputs, outputs = _expected(bundle.manifest, role)
    release = role in {"encoder", "decoder"}
    opened = OrtNetwork(bundle.path(file), settings, placement, release=release)
    if len(opened.inputs) not in inputs or opened.output_count != outputs:
        wanted = " or ".join(str(count) for count in inputs)
        raise BundleUnsupported(problem=f"{file.path} does not take {wanted} and give {outputs} arrays")
    return opened


def _expected(manifest: Manifest, role: Role) -> tuple[BundleFile, tuple[int, ...], int]:
    """A network's file, how many arrays it may take, and how many it gives."""
    segmentation = manifest.segmentation
    return {
        "roi": (manifest.roi.file, (1,), 1),
        "encoder": (segmentation.encoder, (1,), 1),
        "decoder": (segmentation.decoder, (2, 4), 2),
        "classifier": (manifest.classifier.file, (1,), 1),
    }[role]


def _point_slots(file: BundleFile, decoder: OrtNetwork) -> int:
    """How many points a decoder takes, by the names and shapes of its inputs."""
    further = tuple(decoder.inputs.items())[2:]
    if not further:
        return 0
    names, shapes = zip(*further, strict=True)
    slots = shapes[0][1] if len(shapes[0]) == 3 else None
    if names != POINT_INPUTS or not isinstance(slots, int) or shapes != ((1, slots, 2), (1, slots)):
        raise BundleUnsupported(problem=f"{file.path} does not take points (1, k, 2) and labels (1, k)")
    return slots
