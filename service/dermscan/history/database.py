"""Connections to the encrypted database. The key reaches SQLCipher only, never a URL, an error or a log."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool
from sqlcipher3 import dbapi2

from dermscan.errors import HistoryCorrupt, HistoryError, HistoryUnavailable, StorageFull
from dermscan.history.durable import disk_errors, file_mode, sync_folder
from dermscan.history.keys import SecretKey

BUSY_S = 5.0
"""How long a connection waits for another process's transaction."""

_BEGIN = "dermscan_begin"
_FULL = "disk is full"
_FAILING = "disk I/O error"
_ROOM = 64 * 1024
"""Bytes; with less the disk is full as far as SQLite's shared memory goes, which grows by 32 KiB."""

_DAMAGED = ("not a database", "malformed", "no such table", "no such column", "unsupported file format")

_PRAGMAS = (
    "cipher_compatibility = 4",
    "foreign_keys = ON",
    "synchronous = FULL",
    "secure_delete = ON",
    "temp_store = MEMORY",
    "trusted_schema = OFF",
    "cell_size_check = ON",
)


@contextmanager
def database_errors(folder: Path) -> Iterator[None]:
    """Turn the database's errors into the history's; a breach of a constraint is a defect and passes.

    SQLCipher's errors carry no code, only SQLite's fixed words. Where the file shared by the connections (`-shm`)
    finds no room, the words are those of a failing disk, so the disk is asked.

    Args:
        folder: Where the database lies.

    Raises:
        StorageFull: No space is left.
        HistoryCorrupt: A page is damaged, was altered, or the database is cut off.
        HistoryUnavailable: Anything else.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise _meaning(str(error.orig), folder) from None
    except dbapi2.DatabaseError as error:
        raise _meaning(str(error), folder) from None


def folder_of(engine: Engine) -> Path:
    """Where the database of these connections lies."""
    return Path(engine.url.database or "").parent


def _meaning(words: str, folder: Path) -> HistoryError:
    if _FULL in words or (_FAILING in words and _is_full(folder)):
        return StorageFull()
    if any(part in words for part in _DAMAGED):
        return HistoryCorrupt(problem="the database is damaged, cut off or was altered")
    return HistoryUnavailable(problem=f"the database says: {words}")


def _is_full(folder: Path) -> bool:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize < _ROOM


def open_engine(path: Path, key: SecretKey, *, read_only: bool = False) -> Engine:
    """Prepare connections to the database. The first use tells whether it can be read.

    Args:
        path: The database's file. It must exist; an empty file is a new database.
        key: The database key.
        read_only: Whether writing is refused.
    """
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        module=dbapi2,
        creator=lambda: connect(path, key, read_only=read_only),
        poolclass=QueuePool,
        pool_size=4,
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    return engine


def for_writing(engine: Engine) -> Engine:
    """Give the same connections, whose transactions take the write lock at once instead of failing half-way."""
    return engine.execution_options(**{_BEGIN: "IMMEDIATE"})


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, 'DEFERRED')}")


def connect(path: Path, key: SecretKey, *, read_only: bool = False) -> dbapi2.Connection:
    """Open one keyed connection that leaves transactions to its user.

    The key is given raw, so that opening costs no key derivation. SQLCipher's own log is silenced first: it would
    chatter on standard error. Its memory is wiped and kept out of the swap where the system allows it.
    """
    connection = dbapi2.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S
    )
    for silence in ("cipher_log_level = NONE", "cipher_log = off", "cipher_memory_security = ON"):
        connection.execute(f"PRAGMA {silence}")
    connection.execute(f"PRAGMA key = \"x'{key.expose().hex()}'\"")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA query_only = ON" if read_only else "PRAGMA journal_mode = WAL")
    return connection


def create_file(path: Path) -> None:
    """Make an empty database file for its owner, or for whom the folder is shared with; one that is there stays."""
    with disk_errors(), suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, file_mode(path.parent)))
        sync_folder(path.parent)


def copy_database(path: Path, key: SecretKey, target: Path) -> None:
    """Copy the database while it is in use, encrypted under the same key, completely or not at all.

    Raises:
        StorageFull: The disk is full.
        HistoryCorrupt: The database is damaged.
        HistoryUnavailable: The copy cannot be written.
    """
    waiting = target.with_name(target.name + ".new")
    with disk_errors():
        waiting.unlink(missing_ok=True)
        create_file(waiting)
        try:
            with database_errors(target.parent):
                _copy_pages(path, waiting, key)
            _sync(waiting)
            waiting.replace(target)
            sync_folder(target.parent)
        except (HistoryError, OSError):
            waiting.unlink(missing_ok=True)
            raise


def _copy_pages(path: Path, target: Path, key: SecretKey) -> None:
    source = connect(path, key, read_only=True)
    copy = dbapi2.connect(str(target), isolation_level=None)
    try:
        copy.execute(f"PRAGMA key = \"x'{key.expose().hex()}'\"")
        copy.execute("PRAGMA journal_mode = MEMORY")
        source.backup(copy)
    finally:
        copy.close()
        source.close()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def cut_write_ahead_log(engine: Engine) -> bool:
    """Carry the write-ahead log over into the database and cut it to nothing.

    Returns:
        Whether that was possible; not while another process reads.
    """
    with database_errors(folder_of(engine)), engine.connect() as connection:
        raw = connection.connection.driver_connection
        if raw is None:
            return False
        # Outside a transaction, which SQLAlchemy would have begun
        (busy, _, _) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def check_database(engine: Engine) -> None:
    """Read every page: authentication codes, structure, foreign keys.

    Raises:
        HistoryCorrupt: Anything is wrong.
    """
    with database_errors(folder_of(engine)), engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA cipher_integrity_check").all()
        structure = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        references = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if pages or structure != ["ok"] or references:
        raise HistoryCorrupt(problem="the database does not pass its integrity check")
