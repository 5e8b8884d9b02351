from collections.abc import Callable
from pathlib import Path

import pytest

from dermscan.domain import Laterality, Scan
from dermscan.errors import HistoryCorrupt, HistoryUnavailable, UnknownRecord
from dermscan.history import History, MasterKey

NewScan = Callable[..., Scan]
SameScan = Callable[[Scan, Scan], None]


def test_an_assigned_scan_is_the_same_under_another_key(
    folder: Path, history: History, new_scan: NewScan, same_scan: SameScan
) -> None:
    lesion = history.create_lesion(subject_alias="heron-7")
    scan, without_mask = new_scan(1), new_scan(2, with_mask=False)
    inbox = history.file_scan(scan)
    history.file_scan(without_mask)
    before = {path.name: path.read_bytes() for path in (folder / "blobs").iterdir()}
    history.assign_scan(scan.scan_id, lesion)
    history.assign_scan(without_mask.scan_id, lesion)
    after = {path.name: path.read_bytes() for path in (folder / "blobs").iterdir()}
    assert len(after) == 3
    assert not before.keys() & after.keys()
    assert len({content[8:24] for content in after.values()}) == 1, "one lesion, one key"
    assert not {content[8:24] for content in before.values()} & {content[8:24] for content in after.values()}
    same_scan(history.load(scan.scan_id), scan)
    same_scan(history.load(without_mask.scan_id), without_mask)
    assert [found.scan_id for found in history.timeline(lesion)] == [scan.scan_id, without_mask.scan_id]
    assert history.latest(unassigned=True) == ()
    with pytest.raises(UnknownRecord, match="any more"):
        history.lesion(inbox)
    assert history.verify_audit() == ()
    history.check()


def test_the_key_of_the_emptied_lesion_is_destroyed(history: History, new_scan: NewScan) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    history.assign_scan(scan.scan_id, history.create_lesion(subject_alias="heron-7"))
    with history._engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT wrapped_key IS NULL, erased_at IS NULL FROM lesion").all()
    assert sorted(map(tuple, found)) == [(0, 1), (1, 0)]


def test_an_unassigned_lesion_with_another_scan_stays(history: History, new_scan: NewScan) -> None:
    first, second = new_scan(1), new_scan(2)
    inbox = history.file_scan(first)
    history.file_scan(second, inbox)
    history.assign_scan(first.scan_id, history.create_lesion(subject_alias="heron-7"))
    assert [found.scan_id for found in history.timeline(inbox)] == [second.scan_id]
    history.load(second.scan_id)


def test_a_lesion_gets_its_subject_and_leaves_the_inbox(history: History, new_scan: NewScan) -> None:
    lesion = history.file_scan(new_scan(1))
    assert len(history.latest(unassigned=True)) == 1
    history.assign_lesion(lesion, "heron-7", anatomic_site="22943007", laterality=Laterality.LEFT)
    (found,) = history.lesions_of("heron-7")
    assert (found.lesion_id, found.anatomic_site, found.laterality) == (lesion, "22943007", Laterality.LEFT)
    assert history.latest(unassigned=True) == ()
    newest = history.audit_entries(1)[0]
    assert (newest.action, newest.reference) == ("lesion_assigned", history.reference("lesion", lesion))


def test_what_has_a_subject_is_not_assigned_again(history: History, new_scan: NewScan) -> None:
    mine, other = history.create_lesion(subject_alias="heron-7"), history.create_lesion(subject_alias="crane-5")
    scan = new_scan(1)
    history.file_scan(scan, mine)
    with pytest.raises(UnknownRecord, match="no such unassigned scan"):
        history.assign_scan(scan.scan_id, other)
    with pytest.raises(UnknownRecord, match="no such unassigned lesion"):
        history.assign_lesion(mine, "crane-5")
    assert [found.scan_id for found in history.timeline(mine)] == [scan.scan_id]


def test_an_unknown_scan_or_lesion_changes_nothing(folder: Path, history: History, new_scan: NewScan) -> None:
    scan = new_scan(1)
    inbox = history.file_scan(scan)
    before = sorted((folder / "blobs").iterdir())
    erased = history.create_lesion()
    history.erase_lesion(erased)
    for lesion in ("nowhere", erased):
        with pytest.raises(UnknownRecord):
            history.assign_scan(scan.scan_id, lesion)
    with pytest.raises(UnknownRecord):
        history.assign_scan("nothing", inbox)
    history.assign_scan(scan.scan_id, inbox)
    assert sorted((folder / "blobs").iterdir()) == before
    assert not any((folder / "transit").iterdir())


def test_a_damaged_picture_stays_where_it_is(folder: Path, history: History, new_scan: NewScan) -> None:
    scan = new_scan(1)
    inbox = history.file_scan(scan)
    picture = min((folder / "blobs").iterdir())
    picture.write_bytes(picture.read_bytes()[:-1])
    with pytest.raises(HistoryCorrupt):
        history.assign_scan(scan.scan_id, history.create_lesion(subject_alias="heron-7"))
    assert [found.scan_id for found in history.timeline(inbox)] == [scan.scan_id]
    assert not any((folder / "transit").iterdir())


def test_a_reader_assigns_nothing(folder: Path, master: MasterKey, history: History, new_scan: NewScan) -> None:
    scan = new_scan(1)
    lesion = history.file_scan(scan)
    with History.open(folder, master, read_only=True) as reader:
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            reader.assign_scan(scan.scan_id, lesion)
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            reader.assign_lesion(lesion, "heron-7")
