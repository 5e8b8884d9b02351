import struct
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from dermscan.domain import Scan
from dermscan.errors import HistoryCorrupt
from dermscan.history import History, MasterKey, row_coding
from dermscan.history.pictures import decode_frame, decode_mask, encode_frame, encode_mask
from dermscan.history.vault import Encoding

Pixels = NDArray[np.uint8]

frames = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda size: arrays(np.uint8, (*size, 3)))
masks = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda size: arrays(np.bool_, size))


def frame_bytes(pixels: Pixels) -> bytes:
    return b"".join(encode_frame(pixels))


def mask_bytes(pixels: NDArray[np.bool_]) -> bytes:
    return b"".join(encode_mask(pixels))


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=60)
@given(pixels=frames, stripe_bytes=st.sampled_from([1, 60, 400, 2**20]))
def test_every_pixel_of_a_frame_comes_back(pixels: Pixels, stripe_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(row_coding, "_STRIPE_BYTES", stripe_bytes)
        content = frame_bytes(pixels)
    np.testing.assert_array_equal(decode_frame(Encoding.ROWS, content), pixels)


@settings(max_examples=60)
@given(pixels=masks)
def test_every_pixel_of_a_mask_comes_back(pixels: NDArray[np.bool_]) -> None:
    found = decode_mask(Encoding.BITS, mask_bytes(pixels))
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(found, pixels)


def test_a_frame_of_many_stripes_comes_back() -> None:
    pixels = noise(900, 700)
    content = frame_bytes(pixels)
    assert len(list(encode_frame(pixels))) > 3
    np.testing.assert_array_equal(decode_frame(Encoding.ROWS, content), pixels)


def test_no_frame_starts_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that gets no memory at its start is waited for without end: all are there from the first frame on."""
    pixels = np.random.default_rng(4).integers(0, 256, (90, 40, 3), np.uint8)
    monkeypatch.setattr(row_coding, "_STRIPE_BYTES", 1024)
    row_coding.row_workers()
    monkeypatch.setattr(threading.Thread, "start", lambda _thread: pytest.fail("a thread was started"))
    for _ in range(3):
        content = b"".join(row_coding.encode_rows(pixels))
        np.testing.assert_array_equal(row_coding.decode_rows(content), pixels)


def test_a_history_has_its_threads_before_its_first_frame(
    folder: Path, master: MasterKey, new_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory is refused at the first filing, no thread is waited for that will never begin."""
    row_coding.row_workers.cache_clear()
    with History.open(folder, master) as history:
        monkeypatch.setattr(threading.Thread, "start", lambda _thread: pytest.fail("a thread was started"))
        history.file_scan(new_scan(1))
        assert history.count() == 1


def test_a_frame_that_is_a_part_of_another_comes_back() -> None:
    part = noise(60, 80)[10:50:2, 5:70]
    assert not part.flags.c_contiguous
    np.testing.assert_array_equal(decode_frame(Encoding.ROWS, frame_bytes(part)), part)


def test_the_form_is_the_documented_one() -> None:
    pixels = noise(5, 4)
    content = frame_bytes(pixels)
    height, width, rows, length = struct.unpack_from(">IIII", content)
    assert (height, width, 16 + length) == (5, 4, len(content))
    assert rows >= height
    differences = np.frombuffer(zstandard.decompress(content[16:]), np.uint8).reshape(5, 4, 3)
    np.testing.assert_array_equal(np.cumsum(differences, axis=0, dtype=np.uint8), pixels)
    mask = pixels[..., 0] > 128
    content = mask_bytes(mask)
    assert struct.unpack_from(">II", content) == (5, 4)
    np.testing.assert_array_equal(np.frombuffer(zstandard.decompress(content[8:]), np.uint8), np.packbits(mask))


def test_what_earlier_versions_filed_as_png_stays_readable() -> None:
    pixels = noise(30, 20)
    mask = pixels[..., 1] > 99
    frame_png = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
    mask_png = cv2.imencode(".png", mask.astype(np.uint8) * 255, (cv2.IMWRITE_PNG_BILEVEL, 1))[1].tobytes()
    np.testing.assert_array_equal(decode_frame(Encoding.PNG, frame_png), pixels)
    np.testing.assert_array_equal(decode_mask(Encoding.PNG, mask_png), mask)


def test_a_history_with_pictures_of_both_forms_is_whole(
    folder: Path,
    master: MasterKey,
    new_scan: Callable[..., Scan],
    same_scan: Callable[[Scan, Scan], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older, newer = new_scan(1), new_scan(2)

    def as_png(pixels: Pixels) -> list[bytes]:
        shown = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels.astype(np.uint8) * 255
        return [cv2.imencode(".png", shown)[1].tobytes()]

    with History.open(folder, master) as history:
        with monkeypatch.context() as earlier:
            earlier.setattr("dermscan.history.scan_blobs.encode_frame", as_png)
            earlier.setattr("dermscan.history.scan_blobs.encode_mask", as_png)
            earlier.setattr("dermscan.history.scan_blobs.Encoding", _OnlyPng)
            history.file_scan(older)
        history.file_scan(newer)
    with History.open(folder, master) as history:
        same_scan(history.load(older.scan_id), older)
        same_scan(history.load(newer.scan_id), newer)
        history.prove()


class _OnlyPng:
    ROWS = BITS = Encoding.PNG


@pytest.mark.parametrize("encoding", [Encoding.ROWS, Encoding.PNG, Encoding.BITS, Encoding.JSON])
@pytest.mark.parametrize(
    "content", [b"", b"\0", bytes(8), bytes(12), bytes(400), b"\xff" * 12, b"\xff" * 400, b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_is_said_to_be_none(encoding: Encoding, content: bytes) -> None:
    for decode in (decode_frame, decode_mask):
        with pytest.raises(HistoryCorrupt):
            decode(encoding, content)


def test_a_frame_cut_off_anywhere_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_coding, "_STRIPE_BYTES", 60)
    content = frame_bytes(noise(9, 7))
    for length in range(len(content)):
        with pytest.raises(HistoryCorrupt):
            decode_frame(Encoding.ROWS, content[:length])
    for longer in (content + b"\0", content + content[12:]):
        with pytest.raises(HistoryCorrupt):
            decode_frame(Encoding.ROWS, longer)


def test_a_mask_cut_off_anywhere_is_no_picture() -> None:
    content = mask_bytes(noise(40, 50)[..., 0] > 100)
    for length in range(len(content)):
        with pytest.raises(HistoryCorrupt):
            decode_mask(Encoding.BITS, content[:length])


@pytest.mark.parametrize("size", [(2**31, 2**31, 1), (2**31, 2**31, 2**31), (4, 4, 0), (0, 9, 2), (6, 4, 1), (5, 4, 2)])
def test_a_size_that_the_pixels_do_not_fill_is_refused_before_room_is_made_for_it(size: tuple[int, int, int]) -> None:
    content = frame_bytes(noise(5, 4))
    with pytest.raises(HistoryCorrupt):
        decode_frame(Encoding.ROWS, struct.pack(">III", *size) + content[12:])
    mask = mask_bytes(noise(5, 4)[..., 0] > 100)
    with pytest.raises(HistoryCorrupt):
        decode_mask(Encoding.BITS, struct.pack(">II", 2**31, 2**31) + mask[8:])


def test_a_frame_goes_to_the_disk_in_pieces_far_smaller_than_itself() -> None:
    pixels = noise(2000, 1500)
    assert max(map(len, encode_frame(pixels))) < pixels.size / 4
