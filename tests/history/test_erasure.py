import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from dermscan.domain import Scan
from dermscan.errors import HistoryUnavailable, TicketRefused, UnknownRecord
from dermscan.history import History, MasterKey
from dermscan.history.database import connect
from dermscan.history.keyring import open_keyring
from sqlcipher_pages import plain_pages

NewScan = Callable[..., Scan]

ALIAS, NOTE = "canary-heron-4711", "canary note: irregular border, see again in spring"


def pages(folder: Path, master: MasterKey) -> bytes:
    key = open_keyring(folder, master).database_key.expose()
    return b"\0".join(plain_pages(folder / "history.db", key))


def wrapped_key_of(history: History, lesion: str) -> bytes:
    with history._engine.connect() as connection:
        query = "SELECT wrapped_key FROM lesion WHERE lesion_id = ?"
        return bytes(connection.exec_driver_sql(query, (lesion,)).scalar_one())


def blobs_of(folder: Path, history: History, lesion: str) -> dict[Path, bytes]:
    with history._engine.connect() as connection:
        query = "SELECT name FROM blob JOIN scan USING (scan_id) WHERE lesion_id = ?"
        names = connection.exec_driver_sql(query, (lesion,)).scalars().all()
    return {folder / "blobs" / name: (folder / "blobs" / name).read_bytes() for name in names}


def assert_nowhere(folder: Path, master: MasterKey, secrets: list[bytes]) -> None:
    clear = pages(folder, master)
    raw = b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in secrets:
        assert secret not in clear
        assert secret not in raw


@pytest.mark.parametrize("way", ["lesion", "subject"])
def test_no_byte_of_an_erased_lesion_is_left(
    folder: Path, master: MasterKey, new_scan: NewScan, same_scan: Callable[[Scan, Scan], None], way: str
) -> None:
    mine, other = [new_scan(seed) for seed in range(3)], new_scan(7)
    with History.open(folder, master) as history:
        lesion = history.create_lesion(subject_alias=ALIAS, note=NOTE)
        kept = history.create_lesion(subject_alias="crane-5", note="another note")
        for scan in mine:
            history.file_scan(scan, lesion)
        history.file_scan(other, kept)
        wrapped, blobs = wrapped_key_of(history, lesion), blobs_of(folder, history, lesion)
        secrets = [wrapped, wrapped[33:], ALIAS.encode(), NOTE.encode(), *(scan.scan_id.encode() for scan in mine)]
        clear = pages(folder, master)
        assert all(secret in clear for secret in secrets), "the search would find them"
        if way == "lesion":
            assert history.erase_lesion(lesion) == 3
        else:
            assert history.erase_subject(ALIAS) == 1
        secrets += [content[36:] for content in blobs.values()]
        assert_nowhere(folder, master, secrets)
        assert not any(path.exists() for path in blobs)
        assert len(list((folder / "blobs").iterdir())) == 2
        same_scan(history.load(other.scan_id), other)
        for gone in (lambda: history.load(mine[0].scan_id), lambda: history.timeline(lesion)):
            with pytest.raises(UnknownRecord):
                gone()
        assert history.verify_audit() == ()
        history.check()
    assert_nowhere(folder, master, secrets)


def test_among_many_records_no_leftover_of_an_erased_one_is_found(
    folder: Path, master: MasterKey, new_scan: NewScan
) -> None:
    """Pages split, merge and are compacted; none may keep an old copy of a record."""
    chance = random.Random(4)  # noqa: S311 - chosen, not secret
    with History.open(folder, master) as history:
        lesions: dict[str, list[bytes]] = {}
        for number in range(120):
            note = f"canary-{number:04d}-" + "n" * chance.randrange(0, 900)
            lesion = history.create_lesion(subject_alias=f"alias-{number:04d}-end", note=note)
            lesions[lesion] = [note[:13].encode(), f"alias-{number:04d}-end".encode(), wrapped_key_of(history, lesion)]
            if number % 4 == 0:
                history.file_scan(new_scan(number, size=(8, 8)), lesion)
        erased = chance.sample(sorted(lesions), 60)
        for lesion in erased[:-1]:
            history.erase_lesion(lesion)
            if chance.random() < 0.3:
                history.create_lesion(subject_alias=f"later-{lesion[:8]}", note="x" * chance.randrange(0, 900))
        history.erase_lesion(erased[-1])
        assert_nowhere(folder, master, [secret for lesion in erased for secret in lesions[lesion]])
        clear = pages(folder, master)
        assert all(secret in clear for lesion in set(lesions) - set(erased) for secret in lesions[lesion])
        history.check()


def test_a_tombstone_is_left_and_says_nothing(history: History, new_scan: NewScan) -> None:
    lesion = history.create_lesion(subject_alias=ALIAS, anatomic_site="back", note=NOTE)
    history.file_scan(new_scan(1), lesion)
    history.erase_lesion(lesion)
    with history._engine.connect() as connection:
        (row,) = connection.exec_driver_sql("SELECT * FROM lesion").mappings().all()
        assert connection.exec_driver_sql("SELECT count(*) FROM subject").scalar() == 0
    assert {name for name, value in row.items() if value is not None} == {"lesion_id", "created_at", "erased_at"}
    newest = history.audit_entries(1)[0]
    assert (newest.action, newest.reference, newest.amount) == (
        "lesion_erased",
        history.reference("lesion", lesion),
        1,
    )


def test_a_subject_stays_while_another_lesion_is_there(history: History) -> None:
    first, second = (history.create_lesion(subject_alias=ALIAS) for _ in range(2))
    history.erase_lesion(first)
    assert [lesion.lesion_id for lesion in history.lesions_of(ALIAS)] == [second]
    history.erase_lesion(second)
    with pytest.raises(UnknownRecord, match="no such subject"):
        history.lesions_of(ALIAS)


def test_what_is_not_there_is_not_erased(history: History) -> None:
    lesion = history.create_lesion()
    history.erase_lesion(lesion)
    with pytest.raises(UnknownRecord, match="no such lesion any more"):
        history.erase_lesion(lesion)
    with pytest.raises(UnknownRecord, match="no such subject"):
        history.erase_subject("nobody")
    with pytest.raises(UnknownRecord):
        history.find_lesion(lesion[:8])
    assert [entry.action for entry in history.audit_entries()].count("lesion_erased") == 1


def test_an_erased_lesion_takes_no_scan_and_no_ticket(history: History, new_scan: NewScan) -> None:
    lesion = history.create_lesion()
    ticket = history.issue_ticket(lesion, timedelta(minutes=5))
    history.erase_lesion(lesion)
    with pytest.raises(TicketRefused, match="its lesion is gone"):
        history.redeem_ticket(ticket)
    with pytest.raises(UnknownRecord, match="any more"):
        history.file_scan(new_scan(1), lesion)
    with pytest.raises(UnknownRecord, match="any more"):
        history.issue_ticket(lesion, timedelta(minutes=5))


def test_a_lesion_is_found_by_its_beginning(history: History) -> None:
    lesion = history.create_lesion(note=NOTE)
    assert history.find_lesion(lesion[:8]).lesion_id == history.find_lesion(lesion).lesion_id == lesion
    for unknown in (lesion[:7], "00000000", "", "%"):
        with pytest.raises(UnknownRecord):
            history.find_lesion(unknown)


def test_copies_from_before_migrations_go_as_well(folder: Path, history: History) -> None:
    lesion = history.create_lesion(note=NOTE)
    copies = folder / "copies"
    copies.mkdir(mode=0o700)
    shutil.copy(folder / "history.db", copies / "history-schema-0001-20260101T000000Z.db")
    (copies / "history-schema-0001-20260101T000000Z.db.new").write_bytes(b"half a copy")
    history.erase_lesion(lesion)
    assert list(copies.iterdir()) == []


def test_while_another_process_reads_the_rest_waits_for_the_next_start(
    folder: Path, master: MasterKey, new_scan: NewScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dermscan.history.database.BUSY_S", 0.05)
    with History.open(folder, master) as history:
        lesion = history.create_lesion(subject_alias=ALIAS, note=NOTE)
        history.file_scan(new_scan(1), lesion)
        wrapped = wrapped_key_of(history, lesion)
        reader = connect(folder / "history.db", open_keyring(folder, master).database_key, read_only=True)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM scan").fetchone()
        with pytest.raises(HistoryUnavailable, match="completed when the service starts"):
            history.erase_lesion(lesion)
        with pytest.raises(UnknownRecord):
            history.lesion(lesion)
        reader.execute("COMMIT")
        reader.close()
    with History.open(folder, master) as history:
        assert_nowhere(folder, master, [wrapped, NOTE.encode(), ALIAS.encode()])
        assert not any((folder / "blobs").iterdir())
        assert history.verify_audit() == ()


def test_a_reader_erases_nothing(folder: Path, master: MasterKey, history: History) -> None:
    lesion = history.create_lesion(subject_alias=ALIAS)
    with History.open(folder, master, read_only=True) as reader:
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            reader.erase_lesion(lesion)
        with pytest.raises(HistoryUnavailable, match="for reading only"):
            reader.erase_subject(ALIAS)
    assert history.lesion(lesion).subject_alias == ALIAS
