"""Pictures: files that a person names, and the rows and bits that come out of blobs. The first byte says which.

A history's own PNGs are not among them: they are authenticated before they are decoded, and OpenCV takes gigabytes for
a chunk that claims them.
"""

from pathlib import Path
from tempfile import NamedTemporaryFile

import cv2
import numpy as np

from dermscan.errors import DermscanError
from dermscan.evaluation.pictures import read_mask, read_picture
from dermscan.history.pictures import decode_frame, decode_mask, encode_frame, encode_mask
from dermscan.history.vault import Encoding

PIXELS = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
FORMATS = (".png", ".jpg", ".bmp", ".tiff", ".webp", ".ppm")
SEEDS = (
    *(b"\x00" + cv2.imencode(form, PIXELS)[1].tobytes() for form in FORMATS),
    b"\x01" + b"".join(encode_frame(PIXELS)),
    b"\x02" + b"".join(encode_mask(PIXELS[..., 0] > 50)),
)


def fuzz(data: bytes) -> None:
    which, content = data[:1], data[1:]
    try:
        if which == b"\x01":
            decode_frame(Encoding.ROWS, content)
        elif which == b"\x02":
            decode_mask(Encoding.BITS, content)
        else:
            _read(content)
    except DermscanError:
        return


def _read(content: bytes) -> None:
    with NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        read_mask(Path(file.name))
        assert read_picture(Path(file.name)).dtype == np.uint8
