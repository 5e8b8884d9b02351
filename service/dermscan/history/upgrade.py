"""Brings the database to this software's schema, with a copy kept before. A newer schema is never touched."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.orm import Session

from dermscan.errors import HistoryCorrupt, HistoryNewer
from dermscan.history.audit import AuditLog
from dermscan.history.database import copy_database, database_errors, folder_of, for_writing
from dermscan.history.durable import disk_errors, make_private_folder
from dermscan.history.keys import SecretKey
from dermscan.history.schema import SCHEMA_VERSION, ScanRow

SCRIPTS = Path(__file__).parent / "migrations"
COPIES = "copies"

AUDITED_SINCE = 2
"""The first schema with an audit log."""

_log = logging.getLogger(__name__)


def schema_version(engine: Engine) -> int:
    """Read which schema the database has, 0 for a new one.

    Raises:
        HistoryCorrupt: It cannot be told.
        HistoryUnavailable: The database cannot be read.
    """
    with database_errors(folder_of(engine)), engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return 0
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if len(found) != 1 or not str(found[0]).isdecimal():
        raise HistoryCorrupt(problem="the database does not say which schema it has")
    return int(found[0])


def refuse_newer(found: int, known: int = SCHEMA_VERSION) -> None:
    """Stop before a database of a newer version is touched.

    Raises:
        HistoryNewer: It is one.
    """
    if found > known:
        raise HistoryNewer(found=found)


def bring_up_to_date(
    engine: Engine,
    path: Path,
    key: SecretKey,
    log: AuditLog,
    *,
    scripts: Path = SCRIPTS,
    known: int = SCHEMA_VERSION,
) -> None:
    """Run the missing migrations in one transaction. Before an existing database is changed, a copy is kept.

    Args:
        engine: Connections to the database.
        path: The database's file; the copy goes to the folder `copies` beside it.
        key: The database key.
        log: The audit log; it is begun in the transaction that makes its tables.
        scripts: The folder of the migrations.
        known: The newest schema of these migrations.

    Raises:
        HistoryNewer: The database has a newer schema.
        HistoryError: The copy or the migration fails; the database is as before.
    """
    found = schema_version(engine)
    refuse_newer(found, known)
    if found == known:
        return
    if found:
        keep_copy(path, key, found)
    with database_errors(path.parent):
        _migrate(engine, scripts, log if found < AUDITED_SINCE <= known else None)
    _log.info("The history's schema is now %d, it was %d", known, found)


def keep_copy(path: Path, key: SecretKey, found: int) -> None:
    """Copy the database, encrypted under the same key, to the folder `copies` beside it.

    Args:
        path: The database's file.
        key: The database key.
        found: Its schema, which the copy's name tells.

    Raises:
        StorageFull: The disk is full.
        HistoryCorrupt: The database is damaged.
        HistoryUnavailable: The copy cannot be written.
    """
    folder = path.parent / COPIES
    with disk_errors():
        make_private_folder(folder)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    copy_database(path, key, folder / f"history-schema-{found:04d}-{stamp}.db")


def _migrate(engine: Engine, scripts: Path, new_log: AuditLog | None) -> None:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    with for_writing(engine).connect() as connection:
        # A table is altered by building it anew, which needs foreign keys off, and that works outside transactions only
        connection.connection.execute("PRAGMA foreign_keys = OFF")
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                raise HistoryCorrupt(problem="a migration broke a reference")
            if new_log is not None:
                _begin_log(connection, new_log)
        connection.invalidate()


def _begin_log(connection: Connection, log: AuditLog) -> None:
    with Session(connection, join_transaction_mode="rollback_only") as session:
        scans = session.scalar(select(func.count()).select_from(ScanRow)) or 0
        log.begin(session, scans)
