"""Measures how the detector's boxes err on the validation part, so that the segmenter can be taught with such errors.

python models/measure_boxes.py --folder BUILD
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from augment import FloatArray
from choose_box import Finder, model
from data import data_folder, mask_box, read_image, read_mask, read_rows
from dermscan.analysis.preparation import widened
from dermscan.analysis.roi import region
from dermscan.domain import Roi


def error(found: Roi | None, truth: Roi | None) -> FloatArray:
    """By how much four edges are off, as shares of the true box; zero where there is nothing to compare."""
    if found is None or truth is None:
        return np.zeros(4, np.float32)
    across = (found.x0 - truth.x0) / truth.width, (found.x1 - truth.x1) / truth.width
    down = (found.y0 - truth.y0) / truth.height, (found.y1 - truth.y1) / truth.height
    return np.clip(np.array([across[0], down[0], across[1], down[1]], np.float32), -1.0, 1.0)


def main(
    folder: Annotated[Path, typer.Option(help="Build folder with the exported detector.")],
    margin: Annotated[float, typer.Option(help="By which the boxes are widened.")] = 0.02,
) -> None:
    """Write (rows, 4) errors of the validation part's rows with a code, in the order of their table."""
    finder, errors = Finder(folder / "export" / "roi.int8.onnx", 1), []
    rows = [row for row in read_rows(data_folder(), "validation") if row.code]
    for row in track(rows, description="finding lesions"):
        pixels = read_image(row.image)
        found = region(finder.heat(pixels), model(0.5), pixels.shape)
        wide = None if found is None else widened(found, margin, pixels.shape)
        errors.append(error(wide, mask_box(read_mask(row.mask))))
    np.save(folder / "box-errors.npy", np.stack(errors))
    print(np.quantile(np.abs(np.stack(errors)), (0.5, 0.75, 0.9, 0.95, 0.99), axis=0).round(3))


if __name__ == "__main__":
    typer.run(main)
