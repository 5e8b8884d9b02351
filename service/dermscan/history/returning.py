"""Puts a copy of the database from before a migration back, for software that goes back a version. It erases nothing.

The database that was in service becomes a copy in turn, so that the way forward stays open. Pictures stay where they
are; those that the older database does not know are kept, encrypted, and shown by none until their database is back.
"""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from sqlcipher3 import dbapi2

from dermscan.errors import HistoryCorrupt, HistoryUnavailable, UnknownRecord
from dermscan.history.audit import Action, AuditLog
from dermscan.history.audit_mark import START, Reached
from dermscan.history.database import (
    check_database,
    connect,
    copy_database,
    database_errors,
    for_writing,
    open_engine,
)
from dermscan.history.durable import disk_errors, sync_folder
from dermscan.history.keyring import HistoryKey, open_keyring
from dermscan.history.keys import MasterKey, SecretKey
from dermscan.history.opening import DATABASE, locked, turn
from dermscan.history.schema import SCHEMA_VERSION
from dermscan.history.upgrade import AUDITED_SINCE, COPIES, keep_copy, schema_version

WAITING = f"{DATABASE}.put-back.new"
"""The copy on its way; a start deletes one that an interruption has left."""

_NAME = re.compile(r"history-schema-(\d{4})-(\d{8}T\d{6})(\.\d{6})?Z\.db")
"""Copies of earlier versions have no fraction of a second."""


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A copy of the database.

    Attributes:
        name: Its file in the folder `copies`.
        schema: Its schema.
        made_at: When it was made, UTC.
    """

    name: str
    schema: int
    made_at: datetime

    @property
    def usable(self) -> bool:
        """Whether this software opens it."""
        return AUDITED_SINCE <= self.schema <= SCHEMA_VERSION


def kept_copies(folder: Path) -> tuple[KeptCopy, ...]:
    """The copies of a history's database, newest first.

    Raises:
        HistoryUnavailable: The folder cannot be read.
    """
    with disk_errors():
        names = [path.name for path in (folder / COPIES).iterdir()] if (folder / COPIES).is_dir() else []
    forms = (form for form in map(_NAME.fullmatch, names) if form is not None)
    found = (KeptCopy(form[0], int(form[1]), _time(form[2] + (form[3] or ".0"))) for form in forms)
    return tuple(sorted(found, key=lambda copy: (copy.made_at, copy.schema), reverse=True))


def _time(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)


def put_back(folder: Path, master: MasterKey, name: str | None = None) -> KeptCopy:
    """Put a copy in the database's place, entirely or not at all.

    Args:
        folder: The history's folder. No other process may have it open.
        master: The master key.
        name: Which copy; None for the newest that this software opens, where it does not open the database.

    Returns:
        The copy that is in service now.

    Raises:
        UnknownRecord: There is no such copy.
        HistoryUnavailable: The database needs no copy, or another process has it open.
        HistoryCorrupt: The copy is damaged or was altered; the database stays.
        StorageFull: The disk is full; the database stays.
        KeyRefused: The master key does not open the history.
    """
    with locked(folder), turn(folder):
        key = open_keyring(folder, master)
        found = _schema_of(folder / DATABASE, key.database_key)
        if name is None and found <= SCHEMA_VERSION:
            raise HistoryUnavailable(problem="this software reads its database already; name the copy to put back")
        chosen = _chosen(folder, name)
        log = AuditLog(folder, key.audit_key)
        keep_copy(folder / DATABASE, key.database_key, found)
        reached = _made_ready(folder, key, chosen, log)
        _switch(folder, key.database_key)
        log.mark.set(reached)
    return chosen


def _schema_of(database: Path, key: SecretKey) -> int:
    with _engine(database, key) as engine:
        return schema_version(engine)


def _chosen(folder: Path, name: str | None) -> KeptCopy:
    for copy in kept_copies(folder):
        if copy.usable and name in {None, copy.name}:
            return copy
    raise UnknownRecord(kind="copy that this software opens")


def _made_ready(folder: Path, key: HistoryKey, chosen: KeptCopy, log: AuditLog) -> Reached:
    """Copy and check it, and let its audit log tell of it; where that log has come to is given back."""
    waiting = folder / WAITING
    with disk_errors():
        # An interrupted try may have left a write-ahead log, which does not belong to what is copied now
        for rest in folder.glob(f"{WAITING}*"):
            rest.unlink()
    copy_database(folder / COPIES / chosen.name, key.database_key, waiting)
    with _engine(waiting, key.database_key) as engine:
        check_database(engine)
        if schema_version(engine) != chosen.schema:
            raise HistoryCorrupt(problem="a copy of the database is not what its name says")
        # The log of either database is in order with a mark at the start, wherever the power fails until the end
        log.mark.set(START)
        with database_errors(folder), Session(for_writing(engine)) as session, session.begin():
            log.record(session, Action.DATABASE_PUT_BACK)
            reached = log.head(session)
    if reached is None:
        raise HistoryCorrupt(problem="the audit log of a copy of the database was altered")
    return reached


def _switch(folder: Path, key: SecretKey) -> None:
    """Let the copy take the database's place, which nobody may have open and no write-ahead log may belong to."""
    with database_errors(folder):
        connection = connect(folder / DATABASE, key)
        with closing(connection):
            try:
                connection.execute("PRAGMA journal_mode = DELETE")
            except dbapi2.OperationalError:
                raise HistoryUnavailable(problem="another process has it open; stop service and console") from None
    with disk_errors():
        (folder / WAITING).replace(folder / DATABASE)
        sync_folder(folder)


@contextmanager
def _engine(database: Path, key: SecretKey) -> Iterator[Engine]:
    engine = open_engine(database, key)
    try:
        yield engine
    finally:
        engine.dispose()
