import hashlib
import hmac
import shutil
import stat
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from sqlcipher3 import dbapi2

from dermscan.domain import Scan
from dermscan.errors import HistoryUnavailable, UnknownRecord
from dermscan.history import History, MasterKey
from dermscan.history.audit import Action, AuditEntry, AuditLog
from dermscan.history.audit_mark import MARK, START, AuditMark, Reached
from dermscan.history.database import connect
from dermscan.history.keyring import open_keyring
from dermscan.history.keys import SecretKey

NewScan = Callable[..., Scan]

KEY = SecretKey(bytes(range(32)))
CHAIN = bytes(range(100, 132))
NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOON_MICROSECONDS = 1_777_636_800_123_456
NO_TRIGGERS = ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete")


@pytest.fixture
def logged(folder: Path, master: MasterKey, new_scan: NewScan) -> list[Scan]:
    """A history with eight entries in its log: begun, three filed, three viewed, one lesion recorded."""
    scans = [new_scan(seed) for seed in range(3)]
    with History.open(folder, master) as history:
        lesion = history.create_lesion(subject_alias="heron-7")
        for scan in scans:
            history.file_scan(scan, lesion)
        for scan in scans:
            history.load(scan.scan_id)
    return scans


def tamper(folder: Path, master: MasterKey, *statements: str) -> None:
    """What somebody with the database's key, but not this software's, could do."""
    connection = connect(folder / "history.db", open_keyring(folder, master).database_key)
    for statement in (*NO_TRIGGERS, *statements):
        connection.execute(statement)
    connection.close()


def breaches(folder: Path, master: MasterKey) -> list[tuple[str, int]]:
    with History.open(folder, master, read_only=True) as history:
        return [(finding.breach.value, finding.seq) for finding in history.verify_audit()]


def actions(history: History) -> list[str]:
    return [entry.action for entry in reversed(history.audit_entries(1000))]


def derived(purpose: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) of the key, for one block, without salt."""
    extracted = hmac.digest(bytes(32), KEY.expose(), "sha256")
    return hmac.digest(extracted, b"dermscan 1 " + purpose + b"\x01", "sha256")


def test_the_log_is_what_the_reference_makes_of_it(tmp_path: Path) -> None:
    """A log that was begun years ago must verify: what its links, head and references are made of never changes."""
    log = AuditLog(tmp_path, KEY)
    entry = AuditEntry(7, NOON, "user x", Action.SCAN_FILED, "scan:ab", 3)
    said = f'[7, {NOON_MICROSECONDS}, "user x", "scan_filed", "scan:ab", 3]'.encode()
    assert log.link(CHAIN, entry) == hmac.digest(derived(b"audit chain"), CHAIN + said, "sha256")
    nothing = AuditEntry(8, NOON, "unit y", Action.BREACH_FOUND, None, None)
    said = f'[8, {NOON_MICROSECONDS}, "unit y", "breach_found", null, null]'.encode()
    assert log.link(CHAIN, nothing) == hmac.digest(derived(b"audit chain"), CHAIN + said, "sha256")
    head = f'[7, "{CHAIN.hex()}", {NOON_MICROSECONDS}]'.encode()
    assert log._head_seal(Reached(7, CHAIN), NOON) == hmac.digest(derived(b"audit head"), head, "sha256")
    digest = hmac.new(derived(b"audit reference"), b"scan:some-scan", hashlib.sha256).hexdigest()
    assert log.reference("scan", "some-scan") == f"scan:{digest[:32]}"


def test_the_mark_is_what_the_reference_makes_of_it(tmp_path: Path) -> None:
    def place(seq: int, chain: bytes) -> bytes:
        said = struct.pack(">Q", seq) + chain
        return b"DSAM\x01" + said + hmac.digest(derived(b"audit mark"), b"DSAM\x01" + said, "sha256")

    mark = AuditMark(tmp_path, KEY)
    mark.set(START)
    assert (tmp_path / "audit.mark").read_bytes() == 2 * place(0, bytes(32))
    mark.advance(Reached(5, CHAIN))
    assert (tmp_path / "audit.mark").read_bytes() == place(0, bytes(32)) + place(5, CHAIN)
    mark.advance(Reached(6, CHAIN))
    assert (tmp_path / "audit.mark").read_bytes() == place(6, CHAIN) + place(5, CHAIN)
    assert mark.read() == Reached(6, CHAIN)


def test_what_is_done_is_in_the_log(history: History, new_scan: NewScan) -> None:
    scan = new_scan(1)
    lesion = history.create_lesion(subject_alias="heron-7")
    history.file_scan(scan, lesion)
    history.load(scan.scan_id)
    history.redeem_ticket(history.issue_ticket(lesion, timedelta(minutes=1)))
    history.redeem_ticket(history.issue_ticket(None, timedelta(minutes=1)))
    newest_first = history.audit_entries()
    assert [(entry.seq, entry.action, entry.reference) for entry in reversed(newest_first)] == [
        (1, "log_begun", None),
        (2, "lesion_recorded", history.reference("lesion", lesion)),
        (3, "scan_filed", history.reference("scan", scan.scan_id)),
        (4, "pictures_viewed", history.reference("scan", scan.scan_id)),
        (5, "ticket_issued", history.reference("lesion", lesion)),
        (6, "ticket_redeemed", history.reference("lesion", lesion)),
        (7, "ticket_issued", None),
        (8, "ticket_redeemed", None),
    ]
    assert history.verify_audit() == ()
    assert {entry.actor.split()[0] for entry in newest_first} <= {"user", "unit"}
    assert all(abs(entry.at - datetime.now(UTC)) < timedelta(minutes=5) for entry in newest_first)


def test_a_reference_names_nobody_and_tells_scans_from_lesions(history: History) -> None:
    lesion = history.create_lesion()
    reference = history.reference("lesion", lesion)
    assert reference.startswith("lesion:")
    assert len(reference) == len("lesion:") + 32
    assert lesion.replace("-", "")[:8] not in reference
    assert history.reference("scan", lesion).split(":")[1] != reference.split(":")[1]


def test_a_view_beside_the_service_is_in_the_log(folder: Path, master: MasterKey, new_scan: NewScan) -> None:
    scan = new_scan(1)
    with History.open(folder, master) as history:
        history.file_scan(scan)
        with History.open(folder, master, read_only=True) as reader:
            reader.load(scan.scan_id)
            reader.issue_ticket(None, timedelta(minutes=1))
        history.file_scan(new_scan(2))
        assert actions(history) == ["log_begun", "scan_filed", "pictures_viewed", "ticket_issued", "scan_filed"]
        assert history.verify_audit() == ()


def test_looking_through_lists_is_no_view(folder: Path, master: MasterKey, logged: list[Scan]) -> None:
    with History.open(folder, master, read_only=True) as reader:
        before = actions(reader)
        reader.latest()
        reader.find(logged[0].scan_id)
        with pytest.raises(UnknownRecord):
            reader.load("no such scan")
        assert actions(reader) == before


def test_what_cannot_be_recorded_is_not_shown(
    history: History, new_scan: NewScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = new_scan(1)
    history.file_scan(scan)

    def fail(*_anything: object) -> None:
        raise HistoryUnavailable(problem="no room in the log")

    monkeypatch.setattr("dermscan.history.reading.open_pictures", lambda *_anything: pytest.fail("decrypted"))
    monkeypatch.setattr(AuditLog, "record", fail)
    with pytest.raises(HistoryUnavailable, match="no room in the log"):
        history.load(scan.scan_id)


def test_what_is_not_filed_is_not_in_the_log(history: History, new_scan: NewScan) -> None:
    scan = new_scan(1)
    history.file_scan(scan)
    with pytest.raises(Exception, match="UNIQUE"):
        history.file_scan(scan)
    assert actions(history) == ["log_begun", "scan_filed"]
    assert history.verify_audit() == ()


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'user x'", "DELETE FROM audit WHERE seq = 2"])
def test_the_database_itself_keeps_entries(folder: Path, master: MasterKey, logged: list[Scan], statement: str) -> None:
    assert logged
    connection = connect(folder / "history.db", open_keyring(folder, master).database_key)
    with pytest.raises(dbapi2.DatabaseError, match="only added to"):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit SET actor = 'user x' WHERE seq = 4", [("altered", 4)]),
        ("UPDATE audit SET at = at - 1 WHERE seq = 4", [("altered", 4)]),
        ("UPDATE audit SET action = 'scan_filed' WHERE seq = 6", [("altered", 6)]),
        ("UPDATE audit SET reference = NULL WHERE seq = 4", [("altered", 4)]),
        ("UPDATE audit SET amount = 5 WHERE seq = 1", [("altered", 1)]),
        ("UPDATE audit SET chain = zeroblob(32) WHERE seq = 4", [("altered", 4), ("altered", 5)]),
        ("DELETE FROM audit WHERE seq = 4", [("removed", 4)]),
        ("DELETE FROM audit WHERE seq IN (1, 2)", [("removed", 1), ("removed", 2)]),
        ("DELETE FROM audit WHERE seq = 8", [("cut_off", 7), ("older_copy", 8)]),
        ("DELETE FROM audit", [("cut_off", 0), ("older_copy", 8)]),
        ("DELETE FROM audit_head", [("head_altered", 8)]),
        ("UPDATE audit_head SET seq = 7", [("head_altered", 8)]),
        ("UPDATE audit_head SET at = 0", [("head_altered", 8)]),
    ],
)
def test_each_kind_of_tampering_is_found(
    folder: Path, master: MasterKey, logged: list[Scan], statement: str, found: list[tuple[str, int]]
) -> None:
    assert logged
    assert breaches(folder, master) == []
    tamper(folder, master, statement)
    assert breaches(folder, master) == found


def test_entries_in_another_order_are_found(folder: Path, master: MasterKey, logged: list[Scan]) -> None:
    assert logged
    tamper(
        folder,
        master,
        "UPDATE audit SET seq = 99 WHERE seq = 4",
        "UPDATE audit SET seq = 4 WHERE seq = 5",
        "UPDATE audit SET seq = 5 WHERE seq = 99",
    )
    assert {breach for breach, _ in breaches(folder, master)} == {"altered"}


def test_an_entry_made_without_the_key_is_found(folder: Path, master: MasterKey, logged: list[Scan]) -> None:
    assert logged
    tamper(folder, master, "INSERT INTO audit SELECT 9, at, actor, action, reference, amount, chain FROM audit LIMIT 1")
    assert breaches(folder, master) == [("altered", 9), ("cut_off", 9)]


def test_new_entries_do_not_cover_up_what_is_missing(
    folder: Path, master: MasterKey, logged: list[Scan], new_scan: NewScan
) -> None:
    tamper(folder, master, "DELETE FROM audit WHERE seq > 6")
    with History.open(folder, master) as history:
        history.file_scan(new_scan(9))
        history.load(logged[0].scan_id)
    assert breaches(folder, master) == [("removed", 7), ("removed", 8)]


@pytest.mark.parametrize("statement", ["DELETE FROM audit_head", "UPDATE audit_head SET chain = zeroblob(32)"])
def test_an_altered_head_is_recorded_and_the_work_goes_on(
    folder: Path, master: MasterKey, logged: list[Scan], new_scan: NewScan, statement: str
) -> None:
    assert logged
    tamper(folder, master, statement)
    with History.open(folder, master) as history:
        history.file_scan(new_scan(9))
        assert actions(history)[-2:] == ["breach_found", "scan_filed"]
    assert breaches(folder, master) == [("found_before", 9)]


def test_a_log_begun_anew_in_place_of_the_old_is_found(folder: Path, master: MasterKey, logged: list[Scan]) -> None:
    assert logged
    tamper(folder, master, "DELETE FROM audit", "DELETE FROM audit_head")
    with History.open(folder, master) as history:
        history.create_lesion()
        assert [(entry.seq, entry.action) for entry in reversed(history.audit_entries())] == [
            (1, "breach_found"),
            (2, "lesion_recorded"),
        ]
    assert {breach for breach, _ in breaches(folder, master)} >= {"found_before"}


def test_an_altered_head_still_tells_how_many_entries_there_were(
    folder: Path, master: MasterKey, logged: list[Scan], new_scan: NewScan
) -> None:
    assert logged
    tamper(folder, master, "DELETE FROM audit WHERE seq > 6", "UPDATE audit_head SET chain = zeroblob(32)")
    with History.open(folder, master) as history:
        history.file_scan(new_scan(9))
    assert breaches(folder, master) == [("removed", 7), ("removed", 8), ("found_before", 9)]


def test_a_mark_of_another_course_is_found_and_recorded(
    folder: Path, master: MasterKey, logged: list[Scan], new_scan: NewScan
) -> None:
    assert logged
    with History.open(folder, master) as history:
        history._log.mark.set(Reached(8, CHAIN))
        assert [(finding.breach, finding.seq) for finding in history.verify_audit()] == [("older_copy", 8)]
        history.file_scan(new_scan(9))
        assert actions(history)[-2:] == ["breach_found", "scan_filed"]


def test_an_older_database_put_back_is_found_and_recorded(
    folder: Path, master: MasterKey, logged: list[Scan], tmp_path: Path
) -> None:
    older = tmp_path / "older.db"
    shutil.copy(folder / "history.db", older)
    with History.open(folder, master) as history:
        history.load(logged[0].scan_id)
    shutil.copy(older, folder / "history.db")
    assert breaches(folder, master) == [("older_copy", 9)]
    with History.open(folder, master) as history:
        history.load(logged[1].scan_id)
        assert actions(history)[-2:] == ["breach_found", "pictures_viewed"]
    assert breaches(folder, master) == [("found_before", 9)]


@pytest.mark.parametrize("how", ["missing", "empty", "flipped", "of another history"])
def test_a_lost_mark_is_found_and_recorded(
    folder: Path, master: MasterKey, logged: list[Scan], tmp_path: Path, how: str
) -> None:
    mark = folder / MARK
    if how == "missing":
        mark.unlink()
    elif how == "of another history":
        History.open(tmp_path / "other", master).close()
        shutil.copy(tmp_path / "other" / MARK, mark)
    else:
        mark.write_bytes(b"" if how == "empty" else bytes(byte ^ 1 for byte in mark.read_bytes()))
    assert breaches(folder, master) == [("mark_missing", 8)]
    with History.open(folder, master) as history:
        history.load(logged[1].scan_id)
        history.load(logged[1].scan_id)
        assert actions(history)[-3:] == ["breach_found", "pictures_viewed", "pictures_viewed"]
    assert breaches(folder, master) == [("found_before", 9)]


def test_a_mark_that_lags_behind_is_no_breach(folder: Path, master: MasterKey, logged: list[Scan]) -> None:
    earlier = (folder / MARK).read_bytes()
    with History.open(folder, master) as history:
        for _ in range(3):
            history.load(logged[0].scan_id)
        (folder / MARK).write_bytes(earlier)
        assert history.verify_audit() == ()
        history.load(logged[0].scan_id)
        assert history.verify_audit() == ()


def test_a_mark_is_written_through_no_link(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"kept")
    (tmp_path / MARK).symlink_to(elsewhere)
    AuditMark(tmp_path, KEY).advance(Reached(1, CHAIN))
    assert elsewhere.read_bytes() == b"kept"
    assert caplog.messages == ["The mark of the audit log stays behind: Too many levels of symbolic links"]


def test_a_mark_that_is_made_anew_is_its_owners_alone(tmp_path: Path) -> None:
    AuditMark(tmp_path, KEY).advance(Reached(1, CHAIN))
    assert stat.S_IMODE((tmp_path / MARK).stat().st_mode) == 0o600


def test_a_mark_that_never_left_the_beginning_is_no_breach(
    folder: Path, master: MasterKey, logged: list[Scan], new_scan: NewScan
) -> None:
    assert logged
    with History.open(folder, master) as history:
        history._log.mark.set(START)
        assert history.verify_audit() == ()
        history.file_scan(new_scan(9))
        assert actions(history)[-2:] == ["pictures_viewed", "scan_filed"]


def test_a_transaction_that_told_nothing_moves_no_mark(folder: Path, history: History) -> None:
    before = (folder / MARK).read_bytes()
    history._log.settle(Session())
    assert (folder / MARK).read_bytes() == before


def test_a_log_says_how_many_scans_were_filed_before_it(history: History) -> None:
    (begun,) = history.audit_entries()
    assert (begun.seq, begun.action, begun.reference, begun.amount) == (1, "log_begun", None, 0)


def test_a_mark_that_cannot_be_written_costs_nothing(
    folder: Path, history: History, new_scan: NewScan, caplog: pytest.LogCaptureFixture
) -> None:
    earlier = (folder / MARK).read_bytes()
    (folder / MARK).unlink()
    (folder / MARK).mkdir()
    with pytest.raises(HistoryUnavailable):
        history.file_scan(new_scan(1))
    (folder / MARK).rmdir()
    (folder / MARK).write_bytes(earlier)
    history._log.mark._path = folder / "missing" / MARK
    history._log.mark.advance(Reached(1, bytes(32)))
    assert "stays behind" in caplog.text
    assert history.count() == 0


@settings(deadline=None, max_examples=50)
@given(cut=st.integers(0, 154), seqs=st.lists(st.integers(1, 2**40), min_size=1, max_size=4))
def test_a_mark_cut_off_while_written_falls_back(
    tmp_path_factory: pytest.TempPathFactory, cut: int, seqs: list[int]
) -> None:
    mark = AuditMark(tmp_path_factory.mktemp("mark"), SecretKey(bytes(32)))
    mark.set(Reached(0, bytes(32)))
    for seq in sorted(seqs):
        mark.advance(Reached(seq, bytes([seq % 251]) * 32))
    whole = mark._path.read_bytes()
    found = mark.read()
    assert found is not None
    assert found.seq == max(seqs)
    mark._path.write_bytes(whole[:cut])
    cut_off = mark.read()
    assert cut_off is None or cut_off.seq in {0, *seqs}


def test_a_clock_that_goes_back_is_recorded(folder: Path, history: History, new_scan: NewScan) -> None:
    times = [datetime(2026, 5, 1, 12, tzinfo=UTC) + timedelta(days=1000)] * 2
    times.append(datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC))
    times.append(datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC))
    history._log._clock = lambda: times.pop(0)
    for seed in range(4):
        history.file_scan(new_scan(seed))
    entries = list(reversed(history.audit_entries()))
    assert [entry.action for entry in entries] == [
        *("log_begun", "scan_filed", "scan_filed", "clock_went_back", "scan_filed", "scan_filed")
    ]
    jump = datetime(2026, 5, 1, 12, tzinfo=UTC) + timedelta(days=1000) - entries[3].at
    assert entries[3].amount == jump.total_seconds()
    assert entries[3].at == entries[4].at == datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC)
    assert history.verify_audit() == ()
    assert folder.exists()


def test_two_thousand_entries_are_verified_entry_by_entry(history: History, folder: Path, master: MasterKey) -> None:
    with history._writing() as session:
        for _ in range(2000):
            history._log.record(session, "scan_filed")  # type: ignore[arg-type]
    assert history.verify_audit() == ()
    assert len(history.audit_entries(5000)) == 2001
    history.close()
    tamper(folder, master, "UPDATE audit SET actor = 'x' WHERE seq IN (1000, 1001)")
    assert breaches(folder, master) == [("altered", 1000), ("altered", 1001)]
