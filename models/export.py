"""Exports the trained detector and classifier to ONNX: a float32 reference each, and the smaller files for a bundle.

python models/export.py --folder BUILD
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import onnx
import torch
import typer
from torch import nn

from compact import as_half, as_int8, stored
from export_medsam import export
from networks import ClassifierEnsemble, RegionDetector, taught_classifier
from segmenting import session
from training import averaged, averaged_weights

ROI_SIZE = 192
CLASSIFIER_SIZE = 192


def export_trained(network: nn.Module, size: int, path: Path) -> None:
    """Write a trained network as float32, float16-stored and int8-stored ONNX.

    Args:
        network: In evaluation mode.
        size: Side of its input.
        path: The float32 file, `NAME.float32.onnx`; the others lie beside it.
    """
    export(network, (torch.zeros(1, 3, size, size),), path, (["image"], ["logits"]))
    name = path.name.removesuffix(".float32.onnx")
    for kind, how in (("half", as_half), ("int8", as_int8)):
        onnx.save(stored(onnx.load(path), how), path.with_name(f"{name}.{kind}.onnx"))
    compare(network, size, path)


def compare(network: nn.Module, size: int, path: Path) -> None:
    """Print how far each file is from PyTorch on one random input."""
    given = np.random.default_rng(0).normal(0, 0.5, (1, 3, size, size)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(given)).numpy()
    for file in (path.with_name(path.name.replace("float32", kind)) for kind in ("float32", "half", "int8")):
        found = session(file).run(None, {"image": given})[0]
        print(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB, off by {np.abs(found - expected).max():.4f}")


def main(
    folder: Annotated[
        Path, typer.Option(help="Where the checkpoints lie; the ONNX files go into its `export` folder.")
    ],
    roi: Annotated[str, typer.Option(help="Name of the detector's course.")] = "roi",
    classifier: Annotated[str, typer.Option(help="Names of the classifiers' courses.")] = "classifier-0,classifier-1",
) -> None:
    """Export what has been trained so far."""
    target = folder / "export"
    target.mkdir(parents=True, exist_ok=True)
    if (folder / f"{roi}.pt").exists():
        export_trained(averaged(RegionDetector(), folder / f"{roi}.pt"), ROI_SIZE, target / "roi.float32.onnx")
    members = [folder / f"{name}.pt" for name in classifier.split(",")]
    if all(member.exists() for member in members):
        taught = [taught_classifier(averaged_weights(member)) for member in members]
        export_trained(ClassifierEnsemble(taught).eval(), CLASSIFIER_SIZE, target / "classifier.float32.onnx")


if __name__ == "__main__":
    typer.run(main)
