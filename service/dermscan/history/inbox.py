"""Gives what waits in the inbox its lesion or its subject. It deletes nothing but what has moved."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dermscan.domain import Laterality
from dermscan.errors import UnknownRecord
from dermscan.history.audit import Action
from dermscan.history.blobs import BLOBS
from dermscan.history.erasure import doom, empty_lesion, resume
from dermscan.history.filing import HistoryWriter, subject_id_of
from dermscan.history.reading import known_lesion
from dermscan.history.retention import left_empty
from dermscan.history.scan_blobs import blob_rows, resealed
from dermscan.history.schema import BlobRow, LesionRow, ScanRow


class HistoryInbox(HistoryWriter):
    """A history that is written, and whose unassigned scans find their place."""

    def assign_scan(self, scan_id: str, lesion_id: str) -> None:
        """Move an unassigned scan to a lesion, entirely or not at all; its pictures are encrypted anew for it.

        The unassigned lesion that has no scan left then is destroyed with its key.

        Args:
            scan_id: The scan.
            lesion_id: The lesion that it shows.

        Raises:
            UnknownRecord: There is no such unassigned scan, or no such lesion.
            HistoryCorrupt: A picture of it was altered or lost; it stays where it is.
        """
        self._demand_writing()
        with self._reading() as session:
            scan, old = unassigned(session, scan_id)
            pictures = session.scalars(select(BlobRow).where(BlobRow.scan_id == scan.scan_id)).all()
        if old.lesion_id == lesion_id:
            return
        keys = self._data_key(old.lesion_id), self._data_key(lesion_id)
        sealed = resealed(pictures, *keys, self._blobs)
        staged = self._blobs.stage(list(sealed.values()))
        with self._decided([blob.name for blob in staged]), self._writing() as session:
            _move(session, scan_id, lesion_id, pictures)
            session.add_all(blob_rows(scan_id, sealed, staged))
            for empty in left_empty(session, {old.lesion_id}):
                empty_lesion(session, empty, datetime.now(UTC))
            self._log.record(session, Action.SCAN_ASSIGNED, self.reference("scan", scan_id))
        resume(self._folder, self._writes)

    def assign_lesion(
        self,
        lesion_id: str,
        subject_alias: str,
        *,
        anatomic_site: str | None = None,
        laterality: Laterality | None = None,
    ) -> None:
        """Give an unassigned lesion its subject; the subject is recorded where the alias is new.

        Raises:
            UnknownRecord: There is no such unassigned lesion.
        """
        with self._writing() as session:
            row = known_lesion(session, lesion_id)
            if row.subject_id is not None:
                raise UnknownRecord(kind="unassigned lesion")
            row.subject_id = subject_id_of(session, subject_alias)
            row.anatomic_site = anatomic_site or row.anatomic_site
            row.laterality = row.laterality if laterality is None else laterality.value
            self._log.record(session, Action.LESION_ASSIGNED, self.reference("lesion", lesion_id))

    def set_baseline(self, lesion_id: str, scan_id: str | None) -> None:
        """Choose the scan that a lesion's others are compared with; it is never deleted by the policy of retention.

        Args:
            lesion_id: The lesion.
            scan_id: The scan; None goes back to the first one.

        Raises:
            UnknownRecord: There is no such lesion, or it has no such scan.
        """
        with self._writing() as session:
            lesion = known_lesion(session, lesion_id)
            scan = None if scan_id is None else session.get(ScanRow, scan_id)
            if scan_id is not None and (scan is None or scan.lesion_id != lesion_id):
                raise UnknownRecord(kind="scan of this lesion")
            lesion.baseline_scan_id = scan_id
            self._log.record(session, Action.BASELINE_SET, self.reference("lesion", lesion_id))


def unassigned(session: Session, scan_id: str) -> tuple[ScanRow, LesionRow]:
    """Fetch an unassigned scan and the lesion that stands for it.

    Raises:
        UnknownRecord: There is no such scan, or it has a subject already.
    """
    scan = session.get(ScanRow, scan_id)
    lesion = None if scan is None else known_lesion(session, scan.lesion_id)
    if scan is None or lesion is None or lesion.subject_id is not None:
        raise UnknownRecord(kind="unassigned scan")
    return scan, lesion


def _move(session: Session, scan_id: str, lesion_id: str, pictures: Sequence[BlobRow]) -> None:
    scan, _ = unassigned(session, scan_id)
    known_lesion(session, lesion_id)
    doom(session, (f"{BLOBS}/{picture.name}" for picture in pictures))
    session.execute(delete(BlobRow).where(BlobRow.scan_id == scan_id))
    scan.lesion_id = lesion_id
    session.flush()
