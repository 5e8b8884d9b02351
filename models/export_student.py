"""Exports Med-SAM edge to ONNX: a float32 reference, and the smaller files that a bundle may carry.

python models/export_student.py --folder BUILD --course student-outline
"""

from pathlib import Path
from typing import Annotated, cast

import onnx
import torch
import typer

from compact import as_half, stored
from export_medsam import export
from student import POINTS, STRIDE, Student
from training import averaged

STUDENT_SIZE = 256


def export_parts(student: Student, folder: Path) -> tuple[Path, Path]:
    """Write the float32 encoder and decoder."""
    places = STUDENT_SIZE // STRIDE
    image, features = torch.zeros(1, 3, STUDENT_SIZE, STUDENT_SIZE), torch.zeros(1, student.width, places, places)
    box = torch.tensor([[[64.0, 64.0, 192.0, 192.0]]])
    points, labels = torch.zeros(1, POINTS, 2), torch.full((1, POINTS), -1.0)
    paths = folder / "edge-encoder.float32.onnx", folder / "edge-decoder.float32.onnx"
    export(student.encoder, (image,), paths[0], (["image"], ["features"]))
    names = ["features", "box", "points", "labels"], ["mask_logits", "overlap"]
    export(student.decoder, (features, box, points, labels), paths[1], names)
    return paths


def main(
    folder: Annotated[Path, typer.Option(help="Build folder, outside of what is committed.")],
    course: Annotated[str, typer.Option(help="Name of the student's course.")] = "student",
) -> None:
    """Write the reference and the half-stored files, and print their sizes."""
    target = folder / "export"
    target.mkdir(parents=True, exist_ok=True)
    for path in export_parts(cast("Student", averaged(Student(), folder / f"{course}.pt")), target):
        name = path.name.removesuffix(".float32.onnx")
        onnx.save(stored(onnx.load(path), as_half), target / f"{name}.half.onnx")
    for path in sorted(target.glob("edge-*.onnx")):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    typer.run(main)
