"""Computes a convolutional network in eight bits: ranges from labelled pictures, weights with a scale a channel.

    python models/quantise.py --folder BUILD

Pairs of QuantizeLinear and DequantizeLinear stand around every operator, `Clip` among them: left out, it costs half of
the answers' correlation. The files hold int8 weights and run on VNNI, on ARM's dot product and on XNNPACK alike.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import onnxruntime
import typer
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from data import ByteArray, Row, cached, data_folder, of_sets, read_rows, whole_scene
from export import CLASSIFIER_SIZE, ROI_SIZE
from export_student import STUDENT_SIZE
from networks import MEAN, STD
from prompting import cut, fed, seen_part, true_box
from train_classifier import CONTEXT

PICTURES = 160
SIDES = {"edge-encoder": (STUDENT_SIZE, 2.0), "classifier": (CLASSIFIER_SIZE, CONTEXT), "roi": (ROI_SIZE, None)}
"""Input side of each network, and the side of what it sees in longer sides of the lesion's box."""


class Parts(CalibrationDataReader):  # type: ignore[misc]
    """Parts of training scenes, as one network sees them."""

    def __init__(self, scenes: ByteArray, rows: list[Row], side: int, context: float | None) -> None:
        """Take evenly spaced rows."""
        chosen = np.linspace(0, len(rows) - 1, PICTURES).astype(int)
        self.inputs: Iterator[dict[str, NDArray[np.float32]]] = (
            {"image": _normalised(_part(np.asarray(scenes[index]), rows[index], side, context))} for index in chosen
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next input, None after the last."""
        return next(self.inputs, None)


def _part(scene: ByteArray, row: Row, side: int, context: float | None) -> ByteArray:
    matrix = seen_part(row, true_box(scene, row), fed(side, context))
    return cut(scene, matrix, side)[..., :3]


def _normalised(picture: ByteArray) -> NDArray[np.float32]:
    values = (picture.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def quantised(source: Path, target: Path, reader: CalibrationDataReader) -> None:
    """Write the network with every operator between eight-bit tensors.

    Args:
        source: The float32 file.
        target: The file to write.
        reader: Gives the inputs whose ranges are taken.
    """
    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(target),
        reader,
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={"CalibMovingAverage": True},
    )
    prepared.unlink()


def main(
    folder: Annotated[Path, typer.Option(help="Build folder with the exports.")],
    only: Annotated[str, typer.Option(help="One network's name; all without.")] = "",
    sets: Annotated[str, typer.Option(help="Sets to take ranges from, with commas between; all by default.")] = "",
) -> None:
    """Quantise what has been exported."""
    onnxruntime.set_default_logger_severity(3)
    rows = [row for row in of_sets(read_rows(data_folder(), "train"), sets) if row.code]
    scenes = cached(rows, whole_scene, folder / "cache")
    for name, (side, context) in SIDES.items():
        source = folder / "export" / f"{name}.float32.onnx"
        if source.exists() and only in ("", name):
            target = source.with_name(f"{name}.quantised.onnx")
            quantised(source, target, Parts(scenes, rows, side, context))
            print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    typer.run(main)
