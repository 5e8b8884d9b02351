"""What keeps a history safe beside the service: audit log, backups, the proof of its pictures. It files nothing."""

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import func, select

from dermscan.history.audit import Action, AuditEntry
from dermscan.history.audit_check import Breach, Finding, entry_of, findings
from dermscan.history.backup_keeping import delete_backups, is_authentic, list_backups, to_prune
from dermscan.history.backup_making import Progress, make_backup
from dermscan.history.reading import HistoryReader, wrapped_key
from dermscan.history.scan_blobs import authenticate
from dermscan.history.schema import AuditRow, BlobRow, LesionRow, ScanRow

_AT_ONCE = 500


class HistoryKeeper(HistoryReader):
    """The reads of a history, and what keeps it safe."""

    def prove(self, without: Collection[str] = ()) -> None:
        """Read and authenticate every picture, giving nothing away; for a backup, this is not a view.

        Args:
            without: Names of pictures that are known to be missing.

        Raises:
            HistoryCorrupt: A picture was altered, moved, cut off or lost.
        """
        with self._reading() as session:
            lesions = select(LesionRow).execution_options(yield_per=_AT_ONCE)
            for lesion in session.scalars(lesions.where(LesionRow.erased_at.is_(None))):
                key = self._vault.unwrap(wrapped_key(session, lesion.lesion_id), lesion.lesion_id)
                pictures = select(BlobRow).join(ScanRow).where(ScanRow.lesion_id == lesion.lesion_id)
                rows = (row for row in session.scalars(pictures) if row.name not in without)
                authenticate(rows, key, self._blobs)

    def back_up(self, folder: Path, progress: Progress) -> tuple[Path, int]:
        """Make a backup while the history is in use.

        Args:
            folder: Where it goes.
            progress: Is told how far it has come.

        Returns:
            The backup, and how many pictures were left out because they are damaged.

        Raises:
            OutputError: The folder is missing or cannot be written, or its disk is full.
        """
        self._record(Action.BACKUP_MADE, amount=self.count())
        return make_backup(self._opened, folder, progress)

    def prune_backups(self, folder: Path, keep: int) -> tuple[Path, ...]:
        """Delete the backups of this history that hold erased data, and of the others all but the newest.

        Args:
            folder: Where they lie.
            keep: How many stay.

        Returns:
            Those that were deleted.

        Raises:
            OutputError: The folder cannot be read, or a backup cannot be deleted.
        """
        doomed = [backup.path for backup in to_prune(list_backups(folder), self._key, self._last_erasure(), keep)]
        if doomed:
            self._record(Action.BACKUPS_PRUNED, amount=len(doomed))
            delete_backups(doomed)
        return tuple(doomed)

    def has_clean_backup(self, folder: Path) -> bool:
        """Whether there is a backup of this history that was made after the last erasure.

        Raises:
            OutputError: The folder cannot be read.
        """
        backups = list_backups(folder)
        doomed = {backup.path for backup in to_prune(backups, self._key, self._last_erasure(), len(backups))}
        return any(is_authentic(backup, self._key) and backup.path not in doomed for backup in backups)

    def _last_erasure(self) -> int:
        erasures = AuditRow.action.in_([Action.LESION_ERASED, Action.SUBJECT_ERASED])
        with self._reading() as session:
            return session.scalar(select(func.max(AuditRow.seq)).where(erasures)) or 0

    def note_export(self, scans: int) -> None:
        """Let the audit log tell that scans are about to leave the history."""
        self._record(Action.SCANS_EXPORTED, amount=scans)

    def audit_entries(self, limit: int = 50) -> tuple[AuditEntry, ...]:
        """List the latest entries of the audit log, newest first."""
        with self._reading() as session:
            newest = select(AuditRow).order_by(AuditRow.seq.desc()).limit(limit)
            return tuple(entry_of(row) for row in session.scalars(newest))

    def verify_audit(self, seen: int = 0) -> tuple[Finding, ...]:
        """Go through the whole audit log and tell what is wrong with it; nothing where all is well.

        Args:
            seen: Number of an entry that somebody has once seen; 0 for none. An older copy of the whole folder is
                genuine, and ends before it.
        """
        mark = self._log.mark.read()
        with self._reading() as session:
            found = list(findings(session, self._log, mark))
            last = session.scalar(select(func.max(AuditRow.seq))) or 0
        if last < seen:
            found.append(Finding(Breach.WHOLE_FOLDER, seen))
        return tuple(found)
