"""Makes the reference: the shipped bundle with LiteMedSAM in its segmenter's place, run in three ways."""

import hashlib
import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch

from dermscan.analysis.runtime import Models
from dermscan.bench.timing import Contender
from dermscan.bench.traced import with_traced_segmenter
from dermscan.bundle.loading import load_bundle, shipped_folder

NAME = "medsam-lite-0.4.0"
sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
house = importlib.import_module


class Whole(torch.nn.Module):
    """Encoder and decoder in one, from image and box to mask logits and overlap."""

    def __init__(self, encoder: torch.nn.Module, decoder: torch.nn.Module) -> None:
        """Take both parts."""
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, image: torch.Tensor, box: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the decoder says of the encoded image."""
        logits, overlap = self.decoder(self.encoder(image), box)
        return logits, overlap


def reference_bundle(folder: Path, parts: tuple[Any, Any]) -> Path:
    """The shipped bundle with LiteMedSAM in float32."""
    medsam, target = house("medsam"), folder / NAME
    files = house("export_medsam").export_reference(parts, medsam.INPUT_SIZE, "medsam", folder)
    shutil.copytree(shipped_folder(), target)
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    seen = {"input_size": medsam.INPUT_SIZE, "normalisation": "minmax", "context": house("choose_box").LITE_CONTEXT}
    told = {role: laid_down(path, target) for role, path in zip(("encoder", "decoder"), files, strict=True)}
    manifest["segmentation"] |= {"family": "medsam-lite", **seen, **told}
    (target / "manifest.json").write_text(json.dumps(manifest | {"name": NAME, "golden": []}), encoding="utf-8")
    return target


def laid_down(path: Path, target: Path) -> dict[str, Any]:
    """Copy a file into a bundle; what the manifest says of it."""
    content = path.read_bytes()
    (target / path.name).write_bytes(content)
    return {"path": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def traced(folder: Path, parts: tuple[Any, Any]) -> Path:
    """LiteMedSAM as a TorchScript file."""
    size = house("medsam").INPUT_SIZE
    image, box = torch.zeros(1, 3, size, size), torch.tensor([[[64.0, 64.0, 192.0, 192.0]]])
    with torch.no_grad():
        network = torch.jit.trace(Whole(*parts).eval(), (image, box))
    network.save(str(folder / "traced.pt"))
    return folder / "traced.pt"


def in_openvino(models: Models, bundle: Path, threads: int, precision: str) -> Models:
    """The same files run by OpenVINO, in float32 or in bfloat16."""

    def network(path: Path) -> Any:
        hints = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
        compiled = openvino.Core().compile_model(str(path), "CPU", hints)

        def run(*arrays: Any) -> tuple[Any, ...]:
            return tuple(np.asarray(part) for part in compiled(list(arrays)).values())

        return run

    part = models.manifest.segmentation
    return models.exchanged(
        {"encoder": network(bundle / part.encoder.path), "decoder": network(bundle / part.decoder.path)}
    )


def references(folder: Path, threads: int, load: Any) -> list[Contender]:
    """The contenders: ONNX Runtime in float32, PyTorch traced, OpenVINO in both precisions.

    Args:
        folder: Scratch.
        threads: Of each.
        load: Loads a bundle's models.
    """
    parts = house("medsam").lite_medsam()
    place, script = reference_bundle(folder, parts), traced(folder, parts)
    bundle = load_bundle(place)
    models = load(bundle)
    contenders = [
        Contender("LiteMedSAM, ONNX Runtime fp32", bundle, models),
        Contender("LiteMedSAM, PyTorch traced", bundle, with_traced_segmenter(models, script, threads), traced=True),
    ]
    contenders += [
        Contender(f"LiteMedSAM, OpenVINO {name}", bundle, in_openvino(models, place, threads, precision))
        for name, precision in (("fp32", "f32"), ("bf16", "bf16"))
    ]
    return contenders
