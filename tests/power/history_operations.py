"""What a history must do entirely or not at all: first start, filing, rotation, erasure, migration, backup..."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import select

from dermscan.domain import Assessment, Frame, LesionMask, Provenance, Quality, RiskBand, Scan
from dermscan.errors import HistoryNewer
from dermscan.history import History, MasterKey
from dermscan.history.audit import AuditLog
from dermscan.history.backup_header import BackupHeader
from dermscan.history.backup_keeping import list_backups
from dermscan.history.backup_restoring import verify_backup
from dermscan.history.database import connect, create_file, open_engine
from dermscan.history.keyring import HistoryKey, has_keyring, open_keyring, open_slot, read_slots
from dermscan.history.returning import put_back
from dermscan.history.schema import SCHEMA_VERSION, BlobRow, DoomedFileRow
from dermscan.history.upgrade import SCRIPTS, bring_up_to_date, keep_copy
from power.cutting import AFTER, BEFORE, Operation
from power.recording import mark_begin

KEY = MasterKey(bytes(range(32)))
NEW_KEY = MasterKey(b"\x77" * 32)
ALIAS = "canary-heron-4711"
PICTURE_ROW = b"\x2a" * 48
"""A row of the pictures, as it would be found in clear."""

IN_CLEAR = (ALIAS.encode(), PICTURE_ROW, KEY.expose(), NEW_KEY.expose(), b"SQLite format 3\0", b"\x89PNG\r\n\x1a\n")
IDENTIFIERS = tuple(f"00000000-0000-4000-8000-{number:012d}" for number in range(4))


def scan(number: int) -> Scan:
    """One of the scans, always the same."""
    random_noise = np.random.default_rng(number)
    pixels = random_noise.integers(0, 256, (32, 48, 3), np.uint8)
    pixels[5] = 0x2A
    frame = Frame(pixels, number, 1.5, datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number))
    mask = LesionMask(pixels[..., 0] > 100, 0.5)
    assessment = Assessment(Quality(1, 1, 0, 0, 0), None, mask, None, {}, None, None, RiskBand.INDETERMINATE, None)
    return Scan(IDENTIFIERS[number], frame, assessment, Provenance("b", "h", "v", "s"), "room-1")


def house(folder: Path) -> Path:
    """Where the history lies, beside other things of an operation."""
    return folder / "history"


def with_two_scans(folder: Path) -> None:
    """A history of two lesions with a scan each, one of them of a subject."""
    with History.open(house(folder), KEY) as history:
        history.file_scan(scan(0), history.create_lesion(subject_alias=ALIAS))
        history.file_scan(scan(1))


def examined(folder: Path, key: MasterKey = KEY) -> frozenset[str]:
    """Start on what was left, see that it is whole, and tell which scans there are."""
    nothing_in_clear(folder)
    with History.open(house(folder), key) as history:
        history.check()
        found = {summary.scan_id for summary in history.latest(1000)}
        for scan_id in found:
            expected = scan(IDENTIFIERS.index(scan_id))
            loaded = history.load(scan_id)
            np.testing.assert_array_equal(loaded.frame.pixels, expected.frame.pixels)
            assert loaded.assessment.mask is not None
        assert history.verify_audit() == (), "the audit log does not verify"
        with history._reading() as session:
            names = set(session.scalars(select(BlobRow.name)))
            doomed = session.scalars(select(DoomedFileRow.path)).all()
        history.file_scan(scan(3))
    lying = {path.name for path in (house(folder) / "blobs").iterdir()}
    assert names <= lying, "a picture is lost"
    assert len(lying - names) == 2, "an orphan survives the start"
    assert not doomed, "an erasure is not completed"
    assert not any((house(folder) / "transit").iterdir()), "something stays in transit"
    rest = [path.name for path in folder.rglob("*") if path.name.endswith((".new", ".snapshot"))]
    assert not rest, f"leftovers survive the start: {rest}"
    nothing_in_clear(folder)
    return frozenset(found)


def nothing_in_clear(folder: Path) -> None:
    """No file holds a canary, a key or a plain database page."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret in content for secret in IN_CLEAR), f"{path.name} holds something in clear"


def one_of(found: frozenset[str], before: set[int], after: set[int]) -> str:
    """Which of the two sets of scans was found."""
    for outcome, expected in ((BEFORE, before), (AFTER, after)):
        if found == {IDENTIFIERS[number] for number in expected}:
            return outcome
    message = f"{len(found)} scans are neither those before nor those after"
    raise AssertionError(message)


def nothing(_folder: Path) -> None:
    """The operation begins with an empty folder."""


def start(folder: Path) -> None:
    """Start for the first time."""
    mark_begin(folder)
    History.open(house(folder), KEY).close()


def after_start(folder: Path) -> str:
    """There was a keyring or there was none; there is a history in any case."""
    made = house(folder).is_dir() and has_keyring(house(folder))
    assert examined(folder) == frozenset()
    return AFTER if made else BEFORE


def on_open(step: Callable[[History], object]) -> Callable[[Path], None]:
    """A step on a history that is open already."""

    def run(folder: Path) -> None:
        with History.open(house(folder), KEY) as history:
            mark_begin(folder)
            step(history)

    return run


def after_filing(folder: Path) -> str:
    """The scan is there entirely or not at all."""
    return one_of(examined(folder), {0, 1}, {0, 1, 2})


def erase(history: History) -> None:
    """Erase the lesion of the subject."""
    history.erase_subject(ALIAS)


def after_erasing(folder: Path) -> str:
    """The lesion is there entirely or gone with its key."""
    outcome = one_of(examined(folder), {0, 1}, {1})
    with History.open(house(folder), KEY) as history:
        keys = history._engine.connect()
        kept = keys.exec_driver_sql("SELECT count(*) FROM lesion WHERE wrapped_key IS NOT NULL").scalar()
        keys.close()
    assert kept == (3 if outcome == BEFORE else 2)
    return outcome


def rotate(history: History) -> None:
    """Let another master key open it."""
    history.rotate_key(NEW_KEY)


def after_rotating(folder: Path) -> str:
    """One of the keys opens it; the old one no longer once it is done."""
    openers = {slot.key_id for slot in read_slots(house(folder))}
    old = KEY.key_id in openers
    assert one_of(examined(folder, KEY if old else NEW_KEY), {0, 1}, {0, 1}) == BEFORE
    return BEFORE if old else AFTER


def of_the_first_schema(folder: Path) -> None:
    """The same two scans in a database of the first version."""
    with_two_scans(folder)
    place = house(folder)
    key = open_keyring(place, KEY)
    first = place / "first.db"
    create_file(first)
    engine = open_engine(first, key.database_key)
    with tempfile.TemporaryDirectory() as temporary:
        scripts = Path(temporary) / "scripts"
        shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        for step in (scripts / "versions").glob("*.py"):
            if step.name not in {"__init__.py", "first_schema.py"}:
                step.unlink()
        bring_up_to_date(engine, first, key.database_key, AuditLog(place, key.audit_key), scripts=scripts, known=1)
    engine.dispose()
    connection = connect(first, key.database_key)
    connection.execute(f"ATTACH '{place / 'history.db'}' AS now KEY \"x'{key.database_key.expose().hex()}'\"")
    for table in ("subject", "lesion", "scan", "blob"):
        names = ", ".join(column for _, column, *_ in connection.execute(f"PRAGMA main.table_info({table})"))
        connection.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM now.{table}")  # noqa: S608
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    first.replace(place / "history.db")
    for name in ("audit.mark", "history.db-wal", "history.db-shm", "first.db-wal", "first.db-shm"):
        (place / name).unlink(missing_ok=True)


def after_migrating(folder: Path) -> str:
    """The database has the old schema or the new one, and the start brings it to the new one."""
    key = open_keyring(house(folder), KEY).database_key
    connection = connect(house(folder) / "history.db", key)
    ((found,),) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    connection.close()
    assert int(found) in {1, SCHEMA_VERSION}, f"the schema is {found}, between the two"
    assert one_of(examined(folder), {0, 1}, {0, 1}) == BEFORE
    if int(found) == 1:
        assert any((house(folder) / "copies").iterdir()), "no copy from before the migration"
    return BEFORE if int(found) == 1 else AFTER


def updated_and_taken_back(folder: Path) -> None:
    """The same two scans, with a copy, and a schema that only a newer version knows."""
    with_two_scans(folder)
    database, key = house(folder) / "history.db", open_keyring(house(folder), KEY).database_key
    keep_copy(database, key, SCHEMA_VERSION)
    connection = connect(database, key)
    connection.execute("UPDATE alembic_version SET version_num = '0099'")
    connection.close()


def put_it_back(folder: Path) -> None:
    """Put the copy back."""
    mark_begin(folder)
    put_back(house(folder), KEY)


def after_putting_back(folder: Path) -> str:
    """The newer database is there, and the same command ends it, or the copy is."""
    nothing_in_clear(folder)
    outcome = AFTER
    try:
        History.open(house(folder), KEY).close()
    except HistoryNewer:
        outcome = BEFORE
        put_back(house(folder), KEY)
    assert one_of(examined(folder), {0, 1}, {0, 1}) == BEFORE
    assert any("-0099-" in path.name for path in (house(folder) / "copies").iterdir()), "the newer database is lost"
    return outcome


def with_a_stick(folder: Path) -> None:
    """A history of two scans, and a stick for its backups."""
    with_two_scans(folder)
    (folder / "stick").mkdir()


def back_up(folder: Path) -> None:
    """Make a backup."""
    with History.open(house(folder), KEY) as history:
        mark_begin(folder)
        history.back_up(folder / "stick", lambda _done, _total: None)


def after_backing_up(folder: Path) -> str:
    """There is no backup, or one that restores; the next backup clears what was left of this one."""
    stick = folder / "stick"
    backups = list_backups(stick)
    for backup in backups:
        assert verify_backup(backup.path, stick, key_of_backup, lambda _done, _total: None) == 2
    with History.open(house(folder), KEY) as history:
        history.back_up(stick, lambda _done, _total: None)
    assert len(list(stick.iterdir())) == len(backups) + 1, "leftovers survive the next backup"
    assert one_of(examined(folder), {0, 1}, {0, 1}) == BEFORE
    return AFTER if backups else BEFORE


def key_of_backup(header: BackupHeader) -> HistoryKey:
    """The key that is in the backup's own keyring."""
    return open_slot(header.slots, KEY)


def _operation(
    name: str, prepare: Callable[[Path], None], run: Callable[[Path], None], examine: Callable[[Path], str]
) -> Operation:
    return Operation(name, prepare, run, examine, Path(__file__))


OPERATIONS = {
    operation.name: operation
    for operation in (
        _operation("filing", with_two_scans, on_open(lambda history: history.file_scan(scan(2))), after_filing),
        _operation("rotation", with_two_scans, on_open(rotate), after_rotating),
        _operation("erasure", with_two_scans, on_open(erase), after_erasing),
        _operation("migration", of_the_first_schema, start, after_migrating),
        _operation("putting_back", updated_and_taken_back, put_it_back, after_putting_back),
        _operation("backup", with_a_stick, back_up, after_backing_up),
        _operation("first_start", nothing, start, after_start),
    )
}
