"""Makes a backup of a history while it is in use. It holds one picture in memory at a time and changes nothing."""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from dermscan.errors import HistoryCorrupt, HistoryUnavailable, OutputError, StorageFull
from dermscan.history.backup_header import SUFFIX, BackupHeader, new_backup_id
from dermscan.history.blobs import BLOBS, BlobStore
from dermscan.history.database import copy_database, database_errors, open_engine
from dermscan.history.durable import PRIVATE_FILE, sync_folder, waiting_place
from dermscan.history.keyring import read_slots
from dermscan.history.leftovers import working_among_backups
from dermscan.history.opening import DATABASE, Opened
from dermscan.history.scan_blobs import checked
from dermscan.history.schema import AuditRow, BlobRow, ScanRow

Progress = Callable[[int, int], None]
"""Is told the bytes that are done and the bytes that there are."""

LEFT_OUT = "left_out"
"""The member that lists, as JSON, the pictures that were damaged or missing when the backup was made."""

_AT_ONCE = 500


def make_backup(opened: Opened, folder: Path, progress: Progress) -> tuple[Path, int]:
    """Write a backup completely or not at all.

    Args:
        opened: The history.
        folder: Where the backup goes.
        progress: Is told how far it has come.

    Returns:
        The backup, and how many pictures were left out because they are damaged.

    Raises:
        OutputError: The folder is missing or cannot be written, or its disk is full.
        HistoryCorrupt: The database is damaged.
    """
    made_at = datetime.now(UTC)
    backup_id = new_backup_id()
    target = folder / f"dermscan-{made_at:%Y%m%dT%H%M%SZ}-{backup_id[:4].hex()}{SUFFIX}"
    snapshot = waiting_place(target.with_suffix(".snapshot"))
    with _writing_errors(folder), working_among_backups(folder):
        try:
            copy_database(opened.folder / DATABASE, opened.key.database_key, snapshot)
            engine = open_engine(snapshot, opened.key.database_key, read_only=True)
            try:
                header = _header(opened, engine, backup_id, made_at, snapshot.stat().st_size)
                left_out = _write(opened, engine, snapshot, header, waiting_place(target), progress)
            finally:
                engine.dispose()
            waiting_place(target).replace(target)
            sync_folder(folder)
        finally:
            for rest in (snapshot, waiting_place(snapshot), waiting_place(target)):
                rest.unlink(missing_ok=True)
    return target, left_out


@contextmanager
def _writing_errors(folder: Path) -> Iterator[None]:
    """The disk of the backup is not the history's: say so."""
    try:
        yield
    except OSError as error:
        raise OutputError(target=folder, problem=error.strerror or "the disk fails") from None
    except StorageFull:
        raise OutputError(target=folder, problem="its disk is full") from None
    except HistoryUnavailable as error:
        raise OutputError(target=folder, problem=error.details["problem"]) from None


def _header(opened: Opened, engine: Engine, backup_id: bytes, made_at: datetime, database_bytes: int) -> BackupHeader:
    with database_errors(opened.folder), Session(engine) as session:
        seq = session.scalar(select(func.max(AuditRow.seq))) or 0
        scans = session.scalar(select(func.count()).select_from(ScanRow)) or 0
        pictures = session.scalar(select(func.sum(BlobRow.size_bytes))) or 0
    slots = tuple(read_slots(opened.folder))
    return BackupHeader(backup_id, opened.key.key_id, made_at, seq, scans, database_bytes + pictures, slots)


def _write(
    opened: Opened, engine: Engine, snapshot: Path, header: BackupHeader, target: Path, progress: Progress
) -> int:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(header.write())
        sealing = header.sealing(file, opened.key)
        with tarfile.open(mode="w|", fileobj=cast("BinaryIO", sealing)) as archive:
            done = snapshot.stat().st_size
            with snapshot.open("rb") as database:
                archive.addfile(_member(DATABASE, done), database)
            left_out = []
            for row in _pictures(opened.folder, engine):
                progress(done, header.content_bytes)
                if not _add(archive, row, BlobStore(opened.folder)):
                    left_out.append(row.name)
                done += row.size_bytes
            listed = json.dumps(left_out).encode()
            archive.addfile(_member(LEFT_OUT, len(listed)), io.BytesIO(listed))
        sealing.finish()
        file.flush()
        os.fsync(descriptor)
    progress(header.content_bytes, header.content_bytes)
    return len(left_out)


def _pictures(folder: Path, engine: Engine) -> Iterator[BlobRow]:
    with database_errors(folder), Session(engine) as session:
        yield from session.scalars(select(BlobRow).execution_options(yield_per=_AT_ONCE))


def _add(archive: tarfile.TarFile, row: BlobRow, store: BlobStore) -> bool:
    try:
        content = checked(row, store)
    except HistoryCorrupt:
        return False
    archive.addfile(_member(f"{BLOBS}/{row.name}", len(content)), io.BytesIO(content))
    return True


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = PRIVATE_FILE
    return member
