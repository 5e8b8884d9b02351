"""The backups in a folder: which there are, and which have to go. It reads their heads and opens no history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dermscan.errors import BackupCorrupt, DermscanError, OutputError
from dermscan.history.backup_header import SUFFIX, BackupHeader, read_header
from dermscan.history.durable import sync_folder
from dermscan.history.keyring import HistoryKey


@dataclass(frozen=True, slots=True)
class Backup:
    """A file in a folder of backups.

    Attributes:
        path: The file.
        size_bytes: Its size.
        header: Its head; None where it cannot be read.
    """

    path: Path
    size_bytes: int
    header: BackupHeader | None


def list_backups(folder: Path) -> tuple[Backup, ...]:
    """List the backups in a folder, newest first; those that cannot be read come last.

    Raises:
        OutputError: The folder cannot be read.
    """
    try:
        found = [_looked_at(path) for path in folder.iterdir() if path.suffix == SUFFIX and path.is_file()]
    except OSError as error:
        raise OutputError(target=folder, problem=error.strerror) from None
    return tuple(sorted(found, key=lambda backup: (backup.header is not None, _made(backup)), reverse=True))


def to_prune(backups: Sequence[Backup], key: HistoryKey, erased_seq: int, keep: int) -> Iterator[Backup]:
    """Tell which backups of a history have to go.

    Args:
        backups: Backups, newest first; those of other histories and damaged ones are passed over.
        key: The history's key.
        erased_seq: Number of the audit log's last entry of an erasure: what was made before holds erased data.
        keep: How many of the others stay.
    """
    ours = [backup for backup in backups if backup.header is not None and is_authentic(backup, key)]
    clean = [backup for backup in ours if backup.header is not None and backup.header.audit_seq >= erased_seq]
    yield from (backup for backup in ours if backup not in clean[:keep])


def is_authentic(backup: Backup, key: HistoryKey) -> bool:
    """Whether a backup is of this history and its head is as it was made."""
    if backup.header is None or backup.header.history_id != key.key_id:
        return False
    try:
        with backup.path.open("rb") as file:
            read_header(file, backup.path).opening(file, key).read(1)
    except (BackupCorrupt, OSError):
        return False
    return True


def delete_backups(paths: Sequence[Path]) -> None:
    """Delete files, through to the disk.

    Raises:
        OutputError: One cannot be deleted.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
            sync_folder(path.parent)
        except OSError as error:
            raise OutputError(target=path, problem=error.strerror) from None


def _looked_at(path: Path) -> Backup:
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            return Backup(path, size, read_header(file, path))
    except (DermscanError, OSError):
        return Backup(path, size, None)


def _made(backup: Backup) -> tuple[int, float]:
    return (0, 0.0) if backup.header is None else (backup.header.audit_seq, backup.header.created_at.timestamp())
