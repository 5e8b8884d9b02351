"""Takes records away for good. It leaves a tombstone of each lesion and never touches the audit log.

What is erased is overwritten in the database (`secure_delete`) and its key with it. The files - pictures, and copies of
the database from before migrations, which hold the key as well - are noted as doomed in the same transaction and
deleted after it, or at the next start.
"""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from dermscan.errors import HistoryUnavailable
from dermscan.history.blobs import BLOBS
from dermscan.history.database import cut_write_ahead_log, database_errors
from dermscan.history.durable import disk_errors, sync_folder
from dermscan.history.schema import BlobRow, DoomedFileRow, LesionRow, ScanRow, SubjectRow, TicketRow
from dermscan.history.upgrade import COPIES

_log = logging.getLogger(__name__)


def drop_scans(session: Session, scan_ids: Sequence[str]) -> None:
    """Delete scans and doom their pictures."""
    if not scan_ids:
        return
    names = session.scalars(select(BlobRow.name).where(BlobRow.scan_id.in_(scan_ids))).all()
    doom(session, (f"{BLOBS}/{name}" for name in names))
    session.execute(delete(BlobRow).where(BlobRow.scan_id.in_(scan_ids)))
    session.execute(delete(ScanRow).where(ScanRow.scan_id.in_(scan_ids)))


def empty_lesion(session: Session, row: LesionRow, at: datetime) -> int:
    """Destroy a lesion's key, delete what is known of it, and leave a tombstone; tell how many scans it had.

    A subject that has no other lesion goes with it.
    """
    scans = session.scalars(select(ScanRow.scan_id).where(ScanRow.lesion_id == row.lesion_id)).all()
    drop_scans(session, scans)
    session.execute(delete(TicketRow).where(TicketRow.lesion_id == row.lesion_id))
    subject_id = row.subject_id
    row.subject_id = row.anatomic_site = row.laterality = row.note = row.wrapped_key = row.baseline_scan_id = None
    row.erased_at = at
    session.flush()
    others = select(LesionRow.lesion_id).where(LesionRow.subject_id == subject_id).limit(1)
    if subject_id is not None and session.scalar(others) is None:
        session.execute(delete(SubjectRow).where(SubjectRow.subject_id == subject_id))
    return len(scans)


def doom(session: Session, paths: Iterable[str]) -> None:
    """Note files that have to be deleted, by their paths in the history's folder."""
    for path in paths:
        session.merge(DoomedFileRow(path=path))


def doom_copies(session: Session, folder: Path) -> None:
    """Doom the copies of the database from before migrations: a lesion's key lies in them, too."""
    copies = folder / COPIES
    with disk_errors():
        names = [entry.name for entry in copies.iterdir()] if copies.is_dir() else []
    doom(session, (f"{COPIES}/{name}" for name in names))


def finish(folder: Path, engine: Engine) -> None:
    """Clear the write-ahead log and delete what is doomed. Until both are done, the next start does it again.

    Raises:
        HistoryUnavailable: Another process is reading, or the disk fails.
    """
    if not cut_write_ahead_log(engine):
        raise HistoryUnavailable(problem="another process reads it; the erasure is completed when the service starts")
    with database_errors(folder), Session(engine) as session:
        paths = session.scalars(select(DoomedFileRow.path)).all()
        if paths:
            _delete_files(folder, paths)
            session.execute(delete(DoomedFileRow).where(DoomedFileRow.path.in_(paths)))
            session.commit()


def resume(folder: Path, engine: Engine) -> None:
    """Complete an erasure that was interrupted; what cannot be done now is left to the next start."""
    with suppress(HistoryUnavailable):
        finish(folder, engine)
        return
    _log.warning("An erasure is not complete: another process reads the history")


def _delete_files(folder: Path, paths: Sequence[str]) -> None:
    with disk_errors():
        for path in paths:
            (folder / path).unlink(missing_ok=True)
        for parent in {(folder / path).parent for path in paths}:
            if parent.is_dir():
                sync_folder(parent)
