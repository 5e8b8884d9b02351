"""Exports LiteMedSAM to ONNX, a float32 reference and smaller files, or MedSAM on ViT-B.

python models/export_medsam.py --folder BUILD/export
python models/export_medsam.py --folder BUILD/export --vit-b medsam_vit_b.pth
"""

from pathlib import Path
from typing import Annotated

import onnx
import torch
import typer
from torch import nn

from compact import as_half, as_int8, stored, with_int8_products
from medsam import EMBEDDING_SHAPE, INPUT_SIZE, VIT_SIZE, Decoder, Encoder, lite_medsam, medsam_vit_b

OPSET = 17
SPARED = ("fc2",)
"""The second layers of the encoder's perceptrons are fed by GELU, whose outliers eight bits do not hold: with them in
float32 the embedding is off by 4 % instead of 7 %, at the same speed."""


def export(
    network: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, names: tuple[list[str], list[str]]
) -> None:
    """Write a network as ONNX at the shapes of its example inputs.

    Args:
        network: In evaluation mode.
        inputs: Examples.
        path: The file.
        names: Of the inputs and of the outputs.
    """
    with torch.no_grad():
        torch.onnx.export(
            network,
            inputs,
            str(path),
            input_names=names[0],
            output_names=names[1],
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


def export_reference(parts: tuple[Encoder, Decoder], size: int, name: str, folder: Path) -> tuple[Path, Path]:
    """Write the float32 encoder and decoder of a network that sees `size` x `size` pixels."""
    encoder, decoder = parts
    image, embedding = torch.zeros(1, 3, size, size), torch.zeros(EMBEDDING_SHAPE)
    box = torch.tensor([[[64.0, 64.0, 192.0, 192.0]]])
    paths = folder / f"{name}-encoder.float32.onnx", folder / f"{name}-decoder.float32.onnx"
    export(encoder, (image,), paths[0], (["image"], ["embedding"]))
    export(decoder, (embedding, box), paths[1], (["embedding", "box"], ["mask_logits", "overlap"]))
    return paths


def export_lite(folder: Path) -> None:
    """Write the reference and the smaller files of LiteMedSAM."""
    for path in export_reference(lite_medsam(), INPUT_SIZE, "medsam", folder):
        name = path.name.removesuffix(".float32.onnx")
        onnx.save(stored(onnx.load(path), as_half), folder / f"{name}.half.onnx")
        onnx.save(stored(onnx.load(path), as_int8), folder / f"{name}.int8.onnx")
        with_int8_products(path, folder / f"{name}.products.onnx", SPARED)


def main(
    folder: Annotated[Path, typer.Option(help="Folder of the exports, outside of what is committed.")],
    vit_b: Annotated[Path | None, typer.Option(help="Checkpoint of MedSAM on ViT-B, to export that instead.")] = None,
) -> None:
    """Write the files, and print their sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    if vit_b is None:
        export_lite(folder)
    else:
        export_reference(medsam_vit_b(vit_b), VIT_SIZE, "vitb", folder)
    for path in sorted([*folder.glob("medsam-*.onnx"), *folder.glob("vitb-*.onnx")]):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    typer.run(main)
