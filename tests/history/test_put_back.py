"""Whole things in the place of others: files, pages and folders that are genuine, and not where or when they were."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from dermscan.domain import Scan
from dermscan.errors import HistoryCorrupt
from dermscan.history import History, MasterKey
from dermscan.history.audit_check import Breach
from dermscan.history.schema import BlobRow

NewScan = Callable[..., Scan]
PAGE = 4096
LOG_HEADER, FRAME_HEADER = 32, 24


@pytest.fixture
def filed(folder: Path, master: MasterKey, new_scan: NewScan) -> list[Scan]:
    scans = [new_scan(seed) for seed in range(3)]
    with History.open(folder, master) as history:
        lesion = history.file_scan(scans[0])
        for scan in scans[1:]:
            history.file_scan(scan, lesion)
    return scans


def noticed(folder: Path, master: MasterKey) -> str | None:
    """What a start and the two proofs say; None where all seems well."""
    try:
        with History.open(folder, master) as history:
            history.check()
            history.prove()
            findings = history.verify_audit()
    except HistoryCorrupt as error:
        return str(error)
    return findings[0].breach.value if findings else None


def test_nothing_is_noticed_where_nothing_was_done(folder: Path, master: MasterKey, filed: list[Scan]) -> None:
    assert filed
    assert noticed(folder, master) is None


def test_a_frame_and_a_mask_of_one_scan_cannot_change_places(
    folder: Path, master: MasterKey, filed: list[Scan]
) -> None:
    with History.open(folder, master) as history, history._reading() as session:
        rows = session.scalars(select(BlobRow).where(BlobRow.scan_id == filed[1].scan_id)).all()
        frame, mask = (folder / "blobs" / row.name for row in rows)
    kept = frame.read_bytes()
    frame.write_bytes(mask.read_bytes())
    mask.write_bytes(kept)
    with History.open(folder, master) as history:
        with pytest.raises(HistoryCorrupt) as caught:
            history.load(filed[1].scan_id)
        assert caught.value.details["scan_id"] == filed[1].scan_id
        history.load(filed[0].scan_id)
        history.load(filed[2].scan_id)


def test_no_two_pages_can_change_places(folder: Path, master: MasterKey, filed: list[Scan]) -> None:
    assert filed
    path = folder / "history.db"
    genuine = path.read_bytes()
    pages = [genuine[at : at + PAGE] for at in range(0, len(genuine), PAGE)]
    for first in range(1, len(pages) - 1):
        swapped = list(pages)
        swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
        path.write_bytes(b"".join(swapped))
        assert noticed(folder, master) is not None, first


def test_no_page_can_be_put_back_as_it_was_before_a_filing(
    folder: Path, master: MasterKey, filed: list[Scan], new_scan: NewScan
) -> None:
    path = folder / "history.db"
    older = path.read_bytes()
    with History.open(folder, master) as history:
        history.file_scan(new_scan(9), history.latest()[0].lesion_id)
    newer = path.read_bytes()
    mark = (folder / "audit.mark").read_bytes()
    changed = [at for at in range(0, len(older), PAGE) if older[at : at + PAGE] != newer[at : at + PAGE]]
    assert len(changed) >= 6, "scan, picture, audit log, its head, and their indices"
    for at in changed:
        path.write_bytes(newer[:at] + older[at : at + PAGE] + newer[at + PAGE :])
        for rest in ("history.db-wal", "history.db-shm"):
            (folder / rest).unlink(missing_ok=True)
        (folder / "audit.mark").write_bytes(mark)
        assert noticed(folder, master) is not None, f"page {at // PAGE + 1}"
    assert len(filed) == 3


def crashed(folder: Path, master: MasterKey, place: Path, new_scan: NewScan) -> tuple[Path, int]:
    """A copy of the folder as a crash leaves it, everything of two filings still in the write-ahead log."""
    with History.open(folder, master) as history:
        lesion = history.file_scan(new_scan(11))
        history.file_scan(new_scan(12), lesion)
        count = history.count()
        shutil.copytree(folder, place)
    assert (place / "history.db-wal").stat().st_size > LOG_HEADER + 2 * (FRAME_HEADER + PAGE)
    return place, count


CLASSES = {
    "magic": 0,
    "salt of the log": 16,
    "checksum of the log": 24,
    "number of the page": LOG_HEADER,
    "size after the commit": LOG_HEADER + 4,
    "salt of the frame": LOG_HEADER + 8,
    "checksum of the frame": LOG_HEADER + 16,
    "ciphertext": LOG_HEADER + FRAME_HEADER + 1000,
    "nonce of the page": LOG_HEADER + FRAME_HEADER + PAGE - 78,
    "code of the page": LOG_HEADER + FRAME_HEADER + PAGE - 10,
    "last byte": -1,
}


@pytest.mark.parametrize("at", CLASSES.values(), ids=CLASSES.keys())
def test_a_write_ahead_log_that_was_touched_is_noticed_or_whole(
    folder: Path, master: MasterKey, filed: list[Scan], new_scan: NewScan, tmp_path: Path, at: int
) -> None:
    place, count = crashed(folder, master, tmp_path / "crashed", new_scan)
    log = place / "history.db-wal"
    content = bytearray(log.read_bytes())
    content[at] ^= 0x01
    log.write_bytes(content)
    said = noticed(place, master)
    if said is None:
        with History.open(place, master) as history:
            assert history.count() == count, "less is there, and nothing is said"
    assert len(filed) == 3


@pytest.mark.parametrize("how", ["gone", "emptied", "cut in half", "of before"])
def test_a_write_ahead_log_that_was_taken_away_is_noticed(
    folder: Path, master: MasterKey, filed: list[Scan], new_scan: NewScan, tmp_path: Path, how: str
) -> None:
    before, _ = crashed(folder, master, tmp_path / "before", new_scan)
    place, _ = crashed(folder, master, tmp_path / "crashed", lambda seed: new_scan(seed + 10))
    log = place / "history.db-wal"
    content = log.read_bytes()
    if how == "gone":
        log.unlink()
    else:
        older = (before / "history.db-wal").read_bytes()
        log.write_bytes({"emptied": b"", "cut in half": content[: len(content) // 2], "of before": older}[how])
    assert noticed(place, master) is not None
    assert len(filed) == 3


def test_an_older_copy_of_the_whole_folder_is_found_by_a_number_kept_elsewhere(
    folder: Path, master: MasterKey, filed: list[Scan], tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "older")
    with History.open(folder, master) as history:
        history.load(filed[0].scan_id)
        seen = history.audit_entries(1)[0].seq
        assert history.verify_audit(seen) == ()
    shutil.rmtree(folder)
    (tmp_path / "older").rename(folder)
    with History.open(folder, master) as history:
        assert history.verify_audit() == (), "the copy is genuine"
        assert [(found.breach, found.seq) for found in history.verify_audit(seen)] == [(Breach.WHOLE_FOLDER, seen)]
