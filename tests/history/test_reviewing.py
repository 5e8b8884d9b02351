from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dermscan.domain import LesionMask, Scan
from dermscan.domain.review import ExclusionReason, Review
from dermscan.errors import HistoryCorrupt, UnknownRecord
from dermscan.history import History, MasterKey
from dermscan.history.actor import acting_as
from dermscan.history.audit import Action
from dermscan.history.scan_blobs import sealed_for
from dermscan.history.schema import BlobRow
from dermscan.history.vault import BlobKind, Encoding

AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
SAID = Review("looks calmer", ExclusionReason.POOR_PICTURE, None, AT, "wren")


def corrected(scan: Scan) -> LesionMask:
    pixels = np.zeros(scan.frame.pixels.shape[:2], np.bool_)
    pixels[5:20, 7:30] = True
    return LesionMask(pixels, 1.0)


def blob_path(history: History, folder: Path, kind: str) -> Path:
    with Session(history._engine) as session:
        return folder / "blobs" / session.scalars(select(BlobRow.name).where(BlobRow.kind == kind)).one()


def test_what_was_said_is_read_again(history: History, new_scan: Callable[..., Scan]) -> None:
    scan = new_scan(1)
    lesion = history.file_scan(scan)
    assert history.review(scan.scan_id) == Review()
    history.file_review(scan.scan_id, SAID)
    assert history.review(scan.scan_id) == SAID
    assert history.reviews(lesion) == {scan.scan_id: SAID}


def test_a_review_takes_the_place_of_the_one_before_and_leaves_no_file(
    history: History, folder: Path, new_scan: Callable[..., Scan]
) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    for note in ("first", "second", "third"):
        history.file_review(scan.scan_id, replace(SAID, note=note))
    assert history.review(scan.scan_id).note == "third"
    assert len(list((folder / "blobs").iterdir())) == 3
    assert not list((folder / "transit").iterdir())


def test_a_corrected_mask_stands_beside_the_machines_own(history: History, new_scan: Callable[..., Scan]) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    assert scan.assessment.features is not None
    features = replace(scan.assessment.features, area_px=345)
    history.file_review(scan.scan_id, replace(SAID, features=features), corrected(scan))
    shown, said = history.load_reviewed(scan.scan_id)
    assert shown.assessment.mask is not None
    np.testing.assert_array_equal(shown.assessment.mask.pixels, corrected(scan).pixels)
    assert (shown.assessment.features, said.features) == (features, features)
    machines = history.load(scan.scan_id).assessment
    assert machines.mask is not None
    assert scan.assessment.mask is not None
    np.testing.assert_array_equal(machines.mask.pixels, scan.assessment.mask.pixels)
    assert machines.features == scan.assessment.features


def test_a_review_without_a_correction_leaves_the_machines_own_mask(
    history: History, new_scan: Callable[..., Scan], same_scan: Callable[[Scan, Scan], None]
) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    history.file_review(scan.scan_id, SAID)
    shown, said = history.load_reviewed(scan.scan_id)
    same_scan(shown, scan)
    assert said == SAID


def test_a_correction_of_another_size_is_not_shown(history: History, new_scan: Callable[..., Scan]) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    history.file_review(scan.scan_id, SAID, LesionMask(np.ones((5, 5), np.bool_), 1.0))
    with pytest.raises(HistoryCorrupt, match="does not fit its scan"):
        history.load_reviewed(scan.scan_id)


def test_a_review_that_is_genuine_and_no_review_is_refused(history: History, new_scan: Callable[..., Scan]) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    key, _ = history._blobs_of(scan.scan_id)
    sealed = sealed_for(scan.scan_id, key, {BlobKind.REVIEW: (Encoding.JSON, [b'{"note": 7}'])})
    history._replace(scan.scan_id, key, sealed, Action.SCAN_REVIEWED)
    with pytest.raises(HistoryCorrupt, match="a review cannot be read"):
        history.review(scan.scan_id)


def test_a_review_that_is_overtaken_by_a_move_of_its_scan_is_refused(
    history: History, folder: Path, new_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    lesion, scan = history.create_lesion(subject_alias="heron-7"), new_scan(1)
    history.file_scan(scan)
    stage = history._blobs.stage

    def overtaken(*arguments: Any) -> Any:
        staged = stage(*arguments)
        monkeypatch.undo()
        history.assign_scan(scan.scan_id, lesion)
        return staged

    monkeypatch.setattr(history._blobs, "stage", overtaken)
    with pytest.raises(UnknownRecord, match="scan any more"):
        history.file_review(scan.scan_id, SAID)
    assert history.review(scan.scan_id) == Review()
    assert len(list((folder / "blobs").iterdir())) == 2
    assert not list((folder / "transit").iterdir())


def test_a_review_moves_with_its_scan_and_ends_with_its_lesion(
    history: History, folder: Path, new_scan: Callable[..., Scan]
) -> None:
    lesion, scan = history.create_lesion(subject_alias="heron-7"), new_scan(1)
    history.file_scan(scan)
    history.file_review(scan.scan_id, SAID, corrected(scan))
    history.assign_scan(scan.scan_id, lesion)
    assert history.reviews(lesion) == {scan.scan_id: SAID}
    assert history.load_reviewed(scan.scan_id)[0].assessment.mask is not None
    history.erase_lesion(lesion)
    assert not list((folder / "blobs").iterdir())
    with pytest.raises(UnknownRecord):
        history.review(scan.scan_id)


@pytest.mark.parametrize("kind", ["review", "corrected_mask"])
def test_what_was_altered_on_the_disk_is_refused(
    history: History, folder: Path, new_scan: Callable[..., Scan], kind: str
) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    history.file_review(scan.scan_id, SAID, corrected(scan))
    path = blob_path(history, folder, kind)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(HistoryCorrupt, match="altered"):
        history.load_reviewed(scan.scan_id)


def test_who_said_so_stands_in_the_audit_log(history: History, new_scan: Callable[..., Scan]) -> None:
    scan = new_scan(1)
    lesion = history.file_scan(scan)
    with acting_as("wren"):
        history.file_review(scan.scan_id, SAID)
        history.file_review(scan.scan_id, SAID, corrected(scan))
        history.annotate_lesion(lesion, "seen at the back")
        history.load(scan.scan_id)
    entries = history.audit_entries(4)[::-1]
    assert [entry.action for entry in entries] == [
        Action.SCAN_REVIEWED,
        Action.MASK_CORRECTED,
        Action.LESION_ANNOTATED,
        Action.PICTURES_VIEWED,
    ]
    assert {entry.actor for entry in entries} == {"console wren"}
    history.annotate_lesion(lesion, None)
    assert history.audit_entries(1)[0].actor != "console wren"
    assert history.lesion(lesion).note is None
    assert history.verify_audit() == ()


def test_the_list_has_every_followed_lesion_the_latest_first(history: History, new_scan: Callable[..., Scan]) -> None:
    first, second = history.create_lesion(subject_alias="heron-7"), history.create_lesion(subject_alias="wren-2")
    scans = [new_scan(seed) for seed in range(3)]
    history.file_scan(scans[0], second)
    history.file_scan(scans[1], first)
    history.file_scan(scans[2], first)
    history.file_scan(new_scan(9))
    found = history.followed()
    assert [(entry.lesion.lesion_id, entry.scans) for entry in found] == [(first, 2), (second, 1)]
    assert found[0].latest is not None
    assert found[0].latest.scan_id == scans[2].scan_id
    history.erase_lesion(first)
    assert [entry.lesion.lesion_id for entry in history.followed()] == [second]


def test_a_review_of_a_scan_that_is_not_there_is_refused(history: History, folder: Path) -> None:
    with pytest.raises(UnknownRecord):
        history.file_review("0" * 36, SAID)
    assert not list((folder / "transit").iterdir())


def test_a_review_outlives_the_process(folder: Path, master: MasterKey, new_scan: Callable[..., Scan]) -> None:
    scan = new_scan(1)
    with History.open(folder, master) as history:
        history.file_scan(scan)
        history.file_review(scan.scan_id, SAID)
    with History.open(folder, master, read_only=True) as reader:
        assert reader.review(scan.scan_id) == SAID


def test_views_at_the_same_time_are_no_clock_that_went_back(history: History, new_scan: Callable[..., Scan]) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    before = len(history.audit_entries(500))
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: history.load(scan.scan_id), range(60)))
    entries = history.audit_entries(500)
    assert [entry.action for entry in entries[: len(entries) - before]] == [Action.PICTURES_VIEWED] * 60
    assert history.verify_audit() == ()
