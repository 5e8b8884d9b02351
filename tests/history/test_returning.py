"""The way back to the software before: what it finds, and the copy that it puts back."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermscan.cli.main import app
from dermscan.domain import Scan
from dermscan.errors import HistoryCorrupt, HistoryNewer, HistoryUnavailable, UnknownRecord
from dermscan.history import History, MasterKey
from dermscan.history.audit import AuditLog
from dermscan.history.database import connect, open_engine
from dermscan.history.keyring import HistoryKey, open_keyring
from dermscan.history.keys import key_line
from dermscan.history.returning import kept_copies, put_back
from dermscan.history.schema import SCHEMA_VERSION
from dermscan.history.upgrade import SCRIPTS, bring_up_to_date

NewScan = Callable[..., Scan]
NEXT = SCHEMA_VERSION + 1
STEP = f'''
"""A step of the future."""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT:04d}"
down_revision = "{SCHEMA_VERSION:04d}"


def upgrade() -> None:
    op.add_column("lesion", sa.Column("colour", sa.String(8), nullable=True))
'''


@pytest.fixture
def scan_id(folder: Path, master: MasterKey, new_scan: NewScan) -> str:
    """A history of one scan."""
    scan = new_scan(1)
    with History.open(folder, master) as history:
        history.file_scan(scan, history.create_lesion(subject_alias="heron-7"))
    return scan.scan_id


@pytest.fixture
def key(folder: Path, master: MasterKey, scan_id: str) -> HistoryKey:
    assert scan_id
    return open_keyring(folder, master)


@pytest.fixture
def updated(folder: Path, master: MasterKey, key: HistoryKey, tmp_path: Path) -> None:
    """The next version of the software has been here, with a schema that this one does not know."""
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "next_step.py").write_text(STEP, encoding="utf-8")
    engine = open_engine(folder / "history.db", key.database_key)
    log = AuditLog(folder, key.audit_key)
    bring_up_to_date(engine, folder / "history.db", key.database_key, log, scripts=scripts, known=NEXT)
    engine.dispose()
    with pytest.raises(HistoryNewer):
        History.open(folder, master)


@pytest.mark.usefixtures("updated")
def test_the_software_before_goes_on_where_it_was(
    folder: Path, master: MasterKey, scan_id: str, new_scan: NewScan, private: Callable[[Path], None]
) -> None:
    done = put_back(folder, master)
    assert done.schema == SCHEMA_VERSION
    private(folder)
    with History.open(folder, master) as history:
        history.check()
        assert [summary.scan_id for summary in history.latest()] == [scan_id]
        history.load(scan_id)
        assert [entry.action for entry in history.audit_entries()][:2] == ["pictures_viewed", "database_put_back"]
        assert history.verify_audit() == ()
        history.file_scan(new_scan(2))
    assert sorted(copy.schema for copy in kept_copies(folder)) == [SCHEMA_VERSION, NEXT]
    assert not list(folder.glob("*.new*"))


@pytest.mark.usefixtures("updated")
def test_the_newer_database_is_kept_whole(folder: Path, master: MasterKey, key: HistoryKey) -> None:
    put_back(folder, master)
    (newer,) = (copy for copy in kept_copies(folder) if not copy.usable)
    with closing(connect(folder / "copies" / newer.name, key.database_key, read_only=True)) as connection:
        assert connection.execute("SELECT count(colour), count(*) FROM lesion").fetchall() == [(0, 1)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with pytest.raises(UnknownRecord):
        put_back(folder, master, newer.name)


@pytest.mark.usefixtures("updated")
def test_the_database_of_between_can_be_put_back_by_its_name(
    folder: Path, master: MasterKey, scan_id: str, new_scan: NewScan
) -> None:
    put_back(folder, master)
    later = new_scan(2)
    with History.open(folder, master) as history:
        history.file_scan(later)
    older = next(copy.name for copy in kept_copies(folder) if copy.usable)
    with pytest.raises(HistoryUnavailable, match="reads its database already"):
        put_back(folder, master)
    put_back(folder, master, older)
    with History.open(folder, master) as history:
        assert [summary.scan_id for summary in history.latest()] == [scan_id]
        assert history.verify_audit() == ()
    between = next(copy.name for copy in kept_copies(folder) if copy.usable and copy.name != older)
    put_back(folder, master, between)
    with History.open(folder, master) as history:
        assert {summary.scan_id for summary in history.latest()} == {scan_id, later.scan_id}
        history.load(later.scan_id)
        assert history.verify_audit() == ()


@pytest.mark.usefixtures("updated")
def test_a_damaged_copy_is_refused_and_the_database_stays(folder: Path, master: MasterKey) -> None:
    (copy,) = (folder / "copies").iterdir()
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    before = (folder / "history.db").read_bytes()
    with pytest.raises(HistoryCorrupt):
        put_back(folder, master)
    assert (folder / "history.db").read_bytes() == before


@pytest.mark.usefixtures("updated")
def test_a_copy_under_another_name_is_refused(folder: Path, master: MasterKey) -> None:
    (copy,) = (folder / "copies").iterdir()
    copy.rename(copy.with_name(copy.name.replace(f"{SCHEMA_VERSION:04d}", "0002")))
    with pytest.raises(HistoryCorrupt, match="not what its name says"):
        put_back(folder, master)


@pytest.mark.usefixtures("updated")
def test_a_database_that_another_process_has_open_stays(folder: Path, master: MasterKey, key: HistoryKey) -> None:
    with closing(connect(folder / "history.db", key.database_key, read_only=True)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM lesion").fetchall()
        with pytest.raises(HistoryUnavailable, match="another process has it open"):
            put_back(folder, master)
        reader.execute("COMMIT")
    with pytest.raises(HistoryNewer):
        History.open(folder, master)
    put_back(folder, master)


def test_without_a_copy_nothing_changes(folder: Path, master: MasterKey, key: HistoryKey) -> None:
    with closing(connect(folder / "history.db", key.database_key)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(UnknownRecord, match="copy that this software opens"):
        put_back(folder, master)
    assert kept_copies(folder) == ()


def test_a_copy_of_an_earlier_version_is_known_by_its_name(folder: Path, scan_id: str) -> None:
    assert scan_id
    (folder / "copies").mkdir()
    (folder / "copies" / "history-schema-0001-20260102T030405Z.db").write_bytes(b"")
    (found,) = kept_copies(folder)
    assert (found.schema, f"{found.made_at:%H:%M:%S}", found.usable) == (1, "03:04:05", False)


def test_files_of_other_names_are_no_copies(folder: Path, scan_id: str) -> None:
    assert scan_id
    (folder / "copies").mkdir()
    (folder / "copies" / "history-schema-3.db").write_bytes(b"")
    assert kept_copies(folder) == ()


@pytest.mark.usefixtures("updated")
def test_a_technician_lists_the_copies_and_puts_one_back(folder: Path, master: MasterKey, tmp_path: Path) -> None:
    key_file, settings = tmp_path / "key", tmp_path / "settings.toml"
    key_file.write_bytes(key_line(master))
    key_file.chmod(0o600)
    settings.write_text(f'[history]\nfolder = "{folder}"\nkey_file = "{key_file}"\n', encoding="utf-8")
    command = ["--settings", str(settings), "history"]
    refused = CliRunner().invoke(app, [*command, "list"])
    listed = CliRunner().invoke(app, [*command, "put-back", "--list", "--json"])
    assert isinstance(refused.exception, HistoryNewer)
    assert [copy["schema"] for copy in json.loads(listed.stdout)] == [SCHEMA_VERSION]
    done = CliRunner().invoke(app, [*command, "put-back"])
    assert done.exit_code == 0, done.output
    assert f"schema {SCHEMA_VERSION}, is in service again" in done.stdout
    assert len(json.loads(CliRunner().invoke(app, [*command, "list", "--json"]).stdout)) == 1
