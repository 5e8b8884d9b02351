"""A scan's pictures as encrypted blobs and back: where each belongs and what the database says of it."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dermscan.domain import RgbImage, Scan
from dermscan.errors import HistoryCorrupt
from dermscan.history.blobs import BlobStore, StagedBlob
from dermscan.history.pictures import decode_frame, decode_mask, encode_frame, encode_mask
from dermscan.history.schema import SCHEMA_VERSION, BlobRow, ScanRow
from dermscan.history.vault import BlobKind, DataKey, Encoding, Place, seal_pieces, unseal


def seal_pictures(scan: Scan, key: DataKey) -> dict[BlobKind, Iterator[bytes]]:
    """Encode and encrypt the frame and, where there is one, the mask; nothing is done before the pieces are taken."""
    contents = {BlobKind.FRAME: (Encoding.ROWS, encode_frame(scan.frame.pixels))}
    if scan.assessment.mask is not None:
        contents[BlobKind.MASK] = (Encoding.BITS, encode_mask(scan.assessment.mask.pixels))
    return sealed_for(scan.scan_id, key, contents)


def sealed_for(
    scan_id: str, key: DataKey, contents: Mapping[BlobKind, tuple[Encoding, Iterable[bytes]]]
) -> dict[BlobKind, Iterator[bytes]]:
    """Encrypt what belongs to a scan, each for its own place; nothing is done before the pieces are taken."""
    return {
        kind: seal_pieces(content, key, _place(scan_id, kind), encoding, SCHEMA_VERSION)
        for kind, (encoding, content) in contents.items()
    }


def blob_rows(scan_id: str, kinds: Iterable[BlobKind], staged: Sequence[StagedBlob]) -> list[BlobRow]:
    """Say for each blob which file it is and what the file must be; `staged` has the order of `kinds`."""
    return [
        BlobRow(name=blob.name, scan_id=scan_id, kind=kind.value, size_bytes=blob.size_bytes, sha256=blob.sha256)
        for blob, kind in zip(staged, kinds, strict=True)
    ]


def open_pictures(
    scan_id: str, key: DataKey, rows: Iterable[BlobRow], store: BlobStore
) -> tuple[RgbImage, NDArray[np.bool_] | None]:
    """Read, check, decrypt and decode a scan's pictures.

    Returns:
        The frame, (height, width, 3) uint8 RGB, and the mask, (height, width) bool, or None where there is none.

    Raises:
        HistoryCorrupt: A picture was altered, moved, cut off or lost.
        HistoryUnavailable: A file cannot be read.
    """
    wanted = {BlobKind.FRAME, BlobKind.MASK}
    opened = {
        row.kind: unseal(checked(row, store), key, _place(scan_id, row.kind)) for row in rows if row.kind in wanted
    }
    if BlobKind.FRAME not in opened:
        raise HistoryCorrupt(problem="a picture is missing")
    mask = opened.get(BlobKind.MASK)
    return decode_frame(*opened[BlobKind.FRAME]), None if mask is None else decode_mask(*mask)


def _place(scan_id: str, kind: str) -> Place:
    return Place(ScanRow.__tablename__, scan_id, kind)


def resealed(rows: Iterable[BlobRow], old: DataKey, new: DataKey, store: BlobStore) -> dict[BlobKind, Iterator[bytes]]:
    """Encrypt a scan's pictures for another lesion.

    Raises:
        HistoryCorrupt: One was altered, moved, cut off or lost.
        HistoryUnavailable: A file cannot be read.
    """
    sealed = {}
    for row in rows:
        place = _place(row.scan_id, row.kind)
        encoding, content = unseal(checked(row, store), old, place)
        sealed[BlobKind(row.kind)] = seal_pieces([content], new, place, encoding, SCHEMA_VERSION)
    return sealed


def authenticate(rows: Iterable[BlobRow], key: DataKey, store: BlobStore) -> None:
    """Read, check and decrypt pictures of one lesion, and give nothing away.

    Raises:
        HistoryCorrupt: One was altered, moved, cut off or lost.
        HistoryUnavailable: A file cannot be read.
    """
    for row in rows:
        unseal(checked(row, store), key, _place(row.scan_id, row.kind))


def unsealed(row: BlobRow, key: DataKey, store: BlobStore) -> tuple[Encoding, bytes]:
    """Read, check and decrypt one blob: how its content is encoded, and the content.

    Raises:
        HistoryCorrupt: It was altered, moved, cut off or lost.
        HistoryUnavailable: The file cannot be read.
    """
    return unseal(checked(row, store), key, _place(row.scan_id, row.kind))


def checked(row: BlobRow, store: BlobStore) -> bytes:
    """Read a picture's file, still encrypted.

    Raises:
        HistoryCorrupt: It is not the file that was filed, or it is lost.
        HistoryUnavailable: It cannot be read.
    """
    blob = store.read(row.name)
    if len(blob) != row.size_bytes:
        raise HistoryCorrupt(problem="a picture is cut off or has grown")
    if hashlib.sha256(blob).digest() != row.sha256:
        raise HistoryCorrupt(problem="a picture was altered")
    return blob
