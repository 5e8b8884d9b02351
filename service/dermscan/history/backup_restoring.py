"""Restores a backup into an empty folder, and proves that it can be restored. It never writes over a history.

Everything is put into `restoring/`, opened there, brought to this software's schema and checked: each page of the
database and each picture. Then it moves to its place, the keyring last. Until `restoring/` is gone the history is not
opened, and the same command, called again, goes on.
"""

import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, BinaryIO, cast

from sqlalchemy.orm import Session

from dermscan.errors import BackupCorrupt, HistoryCorrupt, HistoryNotEmpty, InputError
from dermscan.history.audit import AuditLog
from dermscan.history.audit_mark import MARK, START
from dermscan.history.backup_header import BackupHeader, read_header
from dermscan.history.backup_making import LEFT_OUT, Progress
from dermscan.history.blobs import BLOBS, TRANSIT
from dermscan.history.database import database_errors, open_engine
from dermscan.history.durable import disk_errors, file_mode, make_private_folder, sync, sync_folder
from dermscan.history.keyring import COPY, KEYRING, HistoryKey, SlotKind, has_keyring, write_keyring
from dermscan.history.keys import MasterKey
from dermscan.history.leftovers import VERIFYING, working_among_backups
from dermscan.history.opening import DATABASE, RESTORING, locked
from dermscan.history.store import History
from dermscan.history.upgrade import COPIES

_MOVED = (BLOBS, TRANSIT, COPIES, MARK, DATABASE, COPY, KEYRING)
"""In this order: with the keyring the history is there."""

_PICTURE = re.compile(rf"{BLOBS}/[0-9a-f]{{32}}")

KeyOf = Callable[[BackupHeader], HistoryKey]


def restore_backup(backup: Path, folder: Path, key_of: KeyOf, master: MasterKey, progress: Progress) -> int:
    """Restore a backup.

    Args:
        backup: The backup.
        folder: Where the history shall lie. It must hold none.
        key_of: Fetches the key of the backup's history.
        master: The master key that shall open the history from now on, and no other; recovery keys stay.
        progress: Is told how far it has come.

    Returns:
        How many scans were restored.

    Raises:
        HistoryNotEmpty: There is a history already.
        KeyRefused: The key does not open the backup.
        BackupCorrupt: The backup was altered, is cut off or incomplete; nothing of it is left in the folder.
        InputError: It is no backup or cannot be read.
        StorageFull: The disk is full.
        HistoryUnavailable: The folder cannot be used, or a process is using it.
    """
    with disk_errors():
        make_private_folder(folder)
    with locked(folder):
        staging = folder / RESTORING
        if has_keyring(folder) and (not staging.is_dir() or (staging / DATABASE).exists()):
            raise HistoryNotEmpty(place=folder)
        if not has_keyring(folder):
            _clear(folder)
            with ExitStack() as unless_filled:
                unless_filled.callback(shutil.rmtree, staging, ignore_errors=True)
                _fill(backup, staging, key_of, master, progress)
                unless_filled.pop_all()
        _move(staging, folder)
    with History.open(folder, master, create=False) as history:
        return history.count()


def verify_backup(backup: Path, place: Path, key_of: KeyOf, progress: Progress) -> int:
    """Prove that a backup can be restored by restoring it into a temporary folder, and tell how many scans it has.

    Args:
        backup: The backup.
        place: Where the temporary folder is made; it takes as much room as the backup.
        key_of: Fetches the key of the backup's history.
        progress: Is told how far it has come.

    Raises:
        BackupCorrupt: It cannot be restored.
        DermscanError: As with `restore_backup`.
    """
    with working_among_backups(place):
        with disk_errors():
            temporary = Path(tempfile.mkdtemp(prefix=VERIFYING, dir=place))
        try:
            return restore_backup(backup, temporary / "history", key_of, MasterKey.generate(), progress)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _clear(folder: Path) -> None:
    """Take away what an interrupted restore has left. Where there is no keyring there is no history."""
    if (folder / RESTORING).is_dir():
        for name in (*_MOVED, RESTORING):
            shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink(missing_ok=True)
    if (folder / DATABASE).exists() or any((folder / BLOBS).glob("*")):
        raise HistoryNotEmpty(place=folder)


def _fill(backup: Path, staging: Path, key_of: KeyOf, master: MasterKey, progress: Progress) -> None:
    with disk_errors():
        for place in (staging, staging / BLOBS):
            make_private_folder(place)
    try:
        with backup.open("rb") as file:
            header = read_header(file, backup)
            key = key_of(header)
            left_out = _extract(header, key, file, staging, progress)
    except OSError as error:
        if error.filename == str(backup):
            raise InputError(source=backup, problem=error.strerror) from None
        raise
    write_keyring(staging, key, master, [slot for slot in header.slots if slot.kind == SlotKind.RECOVERY])
    _set_mark(staging, key)
    try:
        with History.open(staging, master, create=False) as history:
            history.check()
            history.prove(without=left_out)
            history.note_restored()
    except HistoryCorrupt as error:
        raise BackupCorrupt(problem=error.details["problem"]) from None


def _extract(header: BackupHeader, key: HistoryKey, file: BinaryIO, staging: Path, progress: Progress) -> set[str]:
    """Put database and pictures into the folder; tell which pictures the backup says that it lacks."""
    stream = header.opening(file, key)
    done = 0
    left_out: set[str] | None = None
    try:
        with disk_errors(), tarfile.open(mode="r|", fileobj=cast("BinaryIO", stream)) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is None:
                    raise BackupCorrupt(problem="it holds what no backup holds")
                if member.name == LEFT_OUT:
                    left_out = set(json.loads(content.read()))
                    continue
                _keep(staging, member.name, content)
                done += member.size
                progress(done, header.content_bytes)
            while stream.read(tarfile.BLOCKSIZE):
                pass
            sync_folder(staging / BLOBS)
    except tarfile.TarError:
        raise BackupCorrupt(problem="its content cannot be read") from None
    if left_out is None:
        raise BackupCorrupt(problem="it is incomplete")
    return left_out


def _keep(staging: Path, name: str, content: IO[bytes]) -> None:
    if name != DATABASE and not _PICTURE.fullmatch(name):
        raise BackupCorrupt(problem="it holds what no backup holds")
    target = staging / name
    target.touch(file_mode(staging), exist_ok=False)
    with target.open("wb") as file:
        shutil.copyfileobj(content, file)
        sync(file)


def _set_mark(staging: Path, key: HistoryKey) -> None:
    """The backup's log is the log from now on: the mark begins where it ends."""
    log = AuditLog(staging, key.audit_key)
    engine = open_engine(staging / DATABASE, key.database_key)
    try:
        with database_errors(staging), Session(engine) as session:
            log.mark.set(log.head(session) or START)
    finally:
        engine.dispose()


def _move(staging: Path, folder: Path) -> None:
    with disk_errors():
        for name in _MOVED:
            if (staging / name).exists():
                (staging / name).replace(folder / name)
                sync_folder(folder)
        shutil.rmtree(staging)
        sync_folder(folder)
