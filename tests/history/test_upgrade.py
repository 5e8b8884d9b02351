import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from dermscan.domain import Scan
from dermscan.errors import HistoryCorrupt, HistoryNewer, HistoryUnavailable
from dermscan.history import History, MasterKey
from dermscan.history.audit import AuditLog
from dermscan.history.database import connect, create_file, open_engine
from dermscan.history.keyring import open_keyring
from dermscan.history.keys import SecretKey
from dermscan.history.schema import SCHEMA_VERSION, Base
from dermscan.history.upgrade import SCRIPTS, bring_up_to_date, schema_version

NewScan = Callable[..., Scan]

NEXT_STEP = '''
"""A step of the future."""
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("lesion") as batch:
        batch.add_column(sa.Column("colour", sa.String(8), nullable=True))
        batch.alter_column("note", existing_type=sa.Text(), nullable=False, server_default="")
'''


@pytest.fixture
def key(folder: Path, master: MasterKey, new_scan: NewScan) -> SecretKey:
    with History.open(folder, master) as history:
        lesion = history.create_lesion(subject_alias="heron-7", note="follow up in spring")
        history.file_scan(new_scan(1), lesion)
    return open_keyring(folder, master).database_key


def scripts_with(tmp_path: Path, step: str) -> Path:
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "next_step.py").write_text(step, encoding="utf-8")
    return scripts


def set_version(folder: Path, key: SecretKey, version: str) -> None:
    connection = connect(folder / "history.db", key)
    connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_migrations_make_what_the_classes_say(history: History) -> None:
    with history._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_newest_migration_has_the_number_of_the_schema(history: History) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    assert ScriptDirectory.from_config(config).get_heads() == [f"{SCHEMA_VERSION:04d}"]
    assert schema_version(history._engine) == SCHEMA_VERSION


def test_timelines_and_the_latest_use_an_index(history: History) -> None:
    with history._engine.connect() as connection:
        for query, index in (
            ("SELECT * FROM scan WHERE lesion_id = 'x' ORDER BY taken_at", "ix_scan_lesion_id_taken_at"),
            ("SELECT * FROM scan ORDER BY taken_at DESC LIMIT 20", "ix_scan_taken_at"),
            ("SELECT * FROM scan WHERE scan_id >= 'x' AND scan_id < 'y'", "sqlite_autoindex_scan_1"),
            ("SELECT * FROM blob WHERE scan_id = 'x'", "sqlite_autoindex_blob_2"),
        ):
            plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
            assert index in plan, plan
            assert "TEMP B-TREE" not in plan, plan


def test_a_current_database_is_not_copied(folder: Path, master: MasterKey, key: SecretKey) -> None:
    History.open(folder, master).close()
    assert not (folder / "copies").exists()
    assert key


@pytest.mark.parametrize("way", ["write", "read"])
def test_a_newer_database_is_refused_and_not_touched(folder: Path, master: MasterKey, key: SecretKey, way: str) -> None:
    set_version(folder, key, "0007")
    (folder / "transit" / ("0" * 32)).write_bytes(b"left by the newer version")
    before = contents(folder)
    with pytest.raises(HistoryNewer, match="schema 7"):
        History.open(folder, master, read_only=way == "read")
    assert contents(folder) == before


def test_a_migration_keeps_the_scans_and_a_copy_of_before(
    folder: Path, tmp_path: Path, key: SecretKey, private: Callable[[Path], None]
) -> None:
    engine = open_engine(folder / "history.db", key)
    bring_up_to_date(
        engine, folder / "history.db", key, AuditLog(folder, key), scripts=scripts_with(tmp_path, NEXT_STEP), known=4
    )
    assert schema_version(engine) == 4
    with engine.connect() as connection:
        assert connection.execute(text("SELECT note, colour FROM lesion")).all() == [("follow up in spring", None)]
        assert connection.execute(text("SELECT count(*) FROM scan")).scalar() == 1
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()
    (copy,) = (folder / "copies").iterdir()
    private(folder)
    assert copy.name.startswith("history-schema-0003-")
    assert b"spring" not in copy.read_bytes()
    assert not copy.read_bytes().startswith(b"SQLite format")
    older = open_engine(copy, key, read_only=True)
    with older.connect() as connection:
        assert connection.execute(text("SELECT note FROM lesion")).scalar() == "follow up in spring"
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    older.dispose()


def test_the_copy_opens_where_the_database_was(folder: Path, tmp_path: Path, master: MasterKey, key: SecretKey) -> None:
    engine = open_engine(folder / "history.db", key)
    bring_up_to_date(
        engine, folder / "history.db", key, AuditLog(folder, key), scripts=scripts_with(tmp_path, NEXT_STEP), known=4
    )
    engine.dispose()
    with pytest.raises(HistoryNewer):
        History.open(folder, master)
    (copy,) = (folder / "copies").iterdir()
    copy.replace(folder / "history.db")
    with History.open(folder, master) as history:
        history.check()
        history.load(history.latest()[0].scan_id)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("raise RuntimeError('power')", RuntimeError),
        ("op.execute('CREATE TABLE lesion (x)')", HistoryUnavailable),
        ("op.execute('DELETE FROM lesion')", HistoryCorrupt),
    ],
)
def test_a_migration_that_fails_changes_nothing(
    folder: Path, tmp_path: Path, master: MasterKey, key: SecretKey, fault: str, error: type[Exception]
) -> None:
    engine = open_engine(folder / "history.db", key)
    scripts = scripts_with(tmp_path, f"{NEXT_STEP}    {fault}\n")
    with pytest.raises(error):
        bring_up_to_date(engine, folder / "history.db", key, AuditLog(folder, key), scripts=scripts, known=4)
    assert schema_version(engine) == 3
    with engine.connect() as connection:
        with pytest.raises(OperationalError, match="no such column"):
            connection.execute(text("SELECT colour FROM lesion"))
        assert connection.execute(text("SELECT count(*) FROM lesion")).scalar() == 1
    engine.dispose()
    with History.open(folder, master) as history:
        history.check()
        history.load(history.latest()[0].scan_id)


def test_without_a_copy_there_is_no_migration(
    folder: Path, tmp_path: Path, key: SecretKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(folder / "history.db", key)

    def fail(_descriptor: int) -> None:
        raise OSError(5, os.strerror(5))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(HistoryUnavailable):
            bring_up_to_date(
                engine,
                folder / "history.db",
                key,
                AuditLog(folder, key),
                scripts=scripts_with(tmp_path, NEXT_STEP),
                known=4,
            )
    assert schema_version(engine) == 3
    assert list((folder / "copies").iterdir()) == []
    engine.dispose()


def test_a_reader_leaves_an_older_database_to_the_service(folder: Path, master: MasterKey, key: SecretKey) -> None:
    set_version(folder, key, "0000")
    before = contents(folder)
    with pytest.raises(HistoryUnavailable, match="older schema; start the service"):
        History.open(folder, master, read_only=True)
    assert contents(folder) == before


FIRST_TABLES = ("subject", "lesion", "scan", "blob", "ticket")


def make_first_schema(folder: Path, tmp_path: Path, key: SecretKey) -> None:
    """Put the same records back into a database as the first version made it."""
    scripts = tmp_path / "first"
    shutil.copytree(
        SCRIPTS,
        scripts,
        ignore=shutil.ignore_patterns("__pycache__", "audit_and_erasure.py", "calibration_and_baseline.py"),
    )
    first = folder / "first.db"
    create_file(first)
    engine = open_engine(first, key)
    bring_up_to_date(engine, first, key, AuditLog(folder, key), scripts=scripts, known=1)
    engine.dispose()
    connection = connect(first, key)
    connection.execute(f"ATTACH '{folder / 'history.db'}' AS now KEY \"x'{key.expose().hex()}'\"")
    for table in FIRST_TABLES:
        names = ", ".join(column for _, column, *_ in connection.execute(f"PRAGMA main.table_info({table})"))
        connection.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM now.{table}")  # noqa: S608
    connection.close()
    first.replace(folder / "history.db")
    (folder / "audit.mark").unlink()


def records(history: History) -> list[object]:
    with history._engine.connect() as connection:
        return [
            connection.execute(text(query)).all()
            for query in (
                "SELECT * FROM subject",
                "SELECT lesion_id, subject_id, note, wrapped_key, created_at FROM lesion",
                "SELECT * FROM scan",
                "SELECT * FROM blob",
            )
        ]


def test_a_history_of_the_first_schema_keeps_everything_and_begins_its_log(
    folder: Path, tmp_path: Path, master: MasterKey, key: SecretKey
) -> None:
    with History.open(folder, master) as history:
        before = records(history)
        (scan,) = history.latest()
    make_first_schema(folder, tmp_path, key)
    with pytest.raises(HistoryUnavailable, match="older schema"):
        History.open(folder, master, read_only=True)
    with History.open(folder, master) as history:
        assert records(history) == before
        assert [(entry.seq, entry.action, entry.amount) for entry in history.audit_entries()] == [(1, "log_begun", 1)]
        history.load(scan.scan_id)
        assert history.verify_audit() == ()
        history.check()
    (copy,) = (folder / "copies").iterdir()
    assert copy.name.startswith("history-schema-0001-")


def test_a_log_that_cannot_begin_leaves_the_first_schema(
    folder: Path, tmp_path: Path, master: MasterKey, key: SecretKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_first_schema(folder, tmp_path, key)

    def fail(*_anything: object) -> None:
        raise HistoryUnavailable(problem="no mark")

    with monkeypatch.context() as broken:
        broken.setattr("dermscan.history.audit_mark.replace_file", fail)
        with pytest.raises(HistoryUnavailable, match="no mark"):
            History.open(folder, master)
    engine = open_engine(folder / "history.db", key)
    assert schema_version(engine) == 1
    engine.dispose()
    with History.open(folder, master) as history:
        assert history.verify_audit() == ()
