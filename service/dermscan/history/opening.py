"""How a history is opened: the lock, the key, the schema, in this order. It files and reads nothing."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from dermscan.errors import HistoryCorrupt, HistoryUnavailable
from dermscan.history.audit import AuditLog
from dermscan.history.blobs import BlobStore
from dermscan.history.database import create_file, for_writing, open_engine
from dermscan.history.durable import disk_errors, lock_file, make_private_folder
from dermscan.history.keyring import HistoryKey, create_keyring, has_keyring, open_keyring
from dermscan.history.keys import MasterKey, SecretKey
from dermscan.history.row_coding import row_workers
from dermscan.history.schema import SCHEMA_VERSION
from dermscan.history.upgrade import bring_up_to_date, refuse_newer, schema_version
from dermscan.history.vault import Vault

DATABASE = "history.db"
LOCK = "lock"
TURN = "lock.turn"
"""The file that is locked for a moment by whoever writes beside the service, and by the service while it tidies up."""

TURN_S = 5.0
"""Seconds for which a turn is waited for."""

RESTORING = "restoring"
"""The folder in which a backup is restored; while it is there, there is no history yet."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open history.

    Attributes:
        folder: Where it lies.
        key: The root of its keys.
        reads: Connections for reading.
        writes: Connections whose transactions take the write lock at once. The reader beside the service has them too,
            for the audit log alone.
        vault: Unwraps the lesions' keys.
        log: The audit log.
    """

    folder: Path
    key: HistoryKey
    reads: Engine
    writes: Engine
    vault: Vault
    log: AuditLog


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other process from writing.

    Raises:
        HistoryUnavailable: Another process is writing.
    """
    with disk_errors():
        descriptor = lock_file(folder / LOCK)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Keep whoever writes beside the service, and the service's own tidying up, out of each other's way.

    Raises:
        HistoryUnavailable: Another process has the turn for long.
    """
    with disk_errors():
        descriptor = lock_file(folder / TURN, TURN_S)
    try:
        yield
    finally:
        os.close(descriptor)


def open_for_writing(folder: Path, master: MasterKey, closing: ExitStack, *, create: bool) -> Opened:
    """Open the history as the one process that writes; what is to be closed again is put on `closing`."""
    with disk_errors():
        if create:
            make_private_folder(folder)
        elif not has_keyring(folder):
            raise _no_history()
    closing.enter_context(locked(folder))
    key = _history_key(folder, master, create=create)
    database = folder / DATABASE
    create_file(database)
    engine = open_engine(database, key.database_key)
    closing.callback(engine.dispose)
    log = AuditLog(folder, key.audit_key)
    with turn(folder):
        _bring_up_to_date(engine, database, key.database_key, log)
    row_workers()
    return Opened(folder, key, engine, for_writing(engine), Vault(key.wrapping_key), log)


def open_for_reading(folder: Path, master: MasterKey, closing: ExitStack) -> Opened:
    """Open the history beside the process that writes; nothing is made, and only the audit log changed."""
    key = _history_key(folder, master, create=False)
    database = folder / DATABASE
    if not database.exists():
        raise _no_history()
    engine = open_engine(database, key.database_key, read_only=True)
    closing.callback(engine.dispose)
    found = schema_version(engine)
    refuse_newer(found)
    if found < SCHEMA_VERSION:
        raise HistoryUnavailable(problem="it has an older schema; start the service once to bring it up to date")
    log_engine = open_engine(database, key.database_key)
    closing.callback(log_engine.dispose)
    log = AuditLog(folder, key.audit_key)
    return Opened(folder, key, engine, for_writing(log_engine), Vault(key.wrapping_key), log)


def _history_key(folder: Path, master: MasterKey, *, create: bool) -> HistoryKey:
    with disk_errors():
        if (folder / RESTORING).exists():
            raise HistoryUnavailable(problem="the restoring of a backup was interrupted; call it again")
    if has_keyring(folder):
        return open_keyring(folder, master)
    if (folder / DATABASE).exists():
        raise HistoryCorrupt(problem="the keyring is missing")
    if not create:
        raise _no_history()
    return create_keyring(folder, master)


def _bring_up_to_date(engine: Engine, database: Path, key: SecretKey, log: AuditLog) -> None:
    if schema_version(engine) == 0 and not BlobStore(database.parent).is_empty():
        raise HistoryCorrupt(problem="the database is missing or empty")
    bring_up_to_date(engine, database, key, log)


def _no_history() -> HistoryUnavailable:
    return HistoryUnavailable(problem="there is no history yet")
