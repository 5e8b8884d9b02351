"""The history itself: opened, erased from, given other keys. One process writes; others may read beside it."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dermscan.history.audit import Action
from dermscan.history.erasure import doom_copies, empty_lesion, finish, resume
from dermscan.history.expiring import HistoryExpiry
from dermscan.history.keyring import mend_keyring, replace_master_key, replace_recovery_key
from dermscan.history.keys import MasterKey
from dermscan.history.leftovers import sweep_history
from dermscan.history.opening import Opened, open_for_reading, open_for_writing, turn
from dermscan.history.reading import known_lesion, known_subject
from dermscan.history.recovery import RecoveryKey
from dermscan.history.schema import LesionRow, SubjectRow


class History(HistoryExpiry):
    """The encrypted history of one device; see docs/history.md for what lies where.

    It may be used from several threads. What writes may also raise `StorageFull`; nothing is half written then.
    """

    def __init__(self, opened: Opened, *, read_only: bool) -> None:
        """Take over what `History.open` has opened."""
        super().__init__(opened, read_only=read_only)
        self._closing = ExitStack()

    @classmethod
    def open(cls, folder: Path, key: MasterKey, *, create: bool = True, read_only: bool = False) -> Self:
        """Open the history, make it where there is none, bring it to this software's schema and tidy up after a crash.

        Args:
            folder: Where the history lies. It becomes readable by its owner only.
            key: The master key.
            create: Whether a history is made where there is none.
            read_only: Read beside the process that writes; nothing is made, migrated or tidied up.

        Raises:
            KeyRefused: The history was made with another master key.
            HistoryCorrupt: The keyring or the database is damaged, or one of them is missing.
            HistoryNewer: A newer version of this software wrote it; nothing was touched.
            HistoryUnavailable: There is none, the folder cannot be used, or another process is writing to it.
            StorageFull: The disk is full.
        """
        with ExitStack() as closing:
            if read_only:
                opened = open_for_reading(folder, key, closing)
            else:
                opened = open_for_writing(folder, key, closing, create=create)
            history = cls(opened, read_only=read_only)
            if not read_only:
                history._tidy_up()
            history._closing = closing.pop_all()
        return history

    def close(self) -> None:
        """Close the database and let another process write."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def erase_lesion(self, lesion_id: str) -> int:
        """Destroy a lesion's key and delete everything about it; a tombstone and the audit log stay.

        Returns:
            How many scans it had.

        Raises:
            UnknownRecord: There is no such lesion, or it was erased before.
            HistoryUnavailable: Another process reads for long: all is erased, and only the write-ahead log is still to
                be cleared, which the next start does.
        """
        with self._writing() as session:
            scans = self._empty(session, known_lesion(session, lesion_id))
            doom_copies(session, self._folder)
        finish(self._folder, self._writes)
        return scans

    def erase_subject(self, alias: str) -> int:
        """Erase a subject with all lesions, as `erase_lesion` does.

        Returns:
            How many lesions there were.

        Raises:
            UnknownRecord: There is no such subject.
            HistoryUnavailable: As with `erase_lesion`.
        """
        with self._writing() as session:
            subject = known_subject(session, alias)
            reference = self.reference("subject", subject.subject_id)
            lesions = session.scalars(select(LesionRow).where(LesionRow.subject_id == subject.subject_id)).all()
            for lesion in lesions:
                self._empty(session, lesion)
            session.execute(delete(SubjectRow).where(SubjectRow.alias == alias))
            self._log.record(session, Action.SUBJECT_ERASED, reference, len(lesions))
            doom_copies(session, self._folder)
        finish(self._folder, self._writes)
        return len(lesions)

    def rotate_key(self, new: MasterKey) -> None:
        """Let a new master key open this history, and then the old one no longer. Neither database nor pictures change.

        It may be interrupted anywhere and done again: one of the two keys opens the history at any time.
        """
        self._demand_writing()
        self._record(Action.KEY_ROTATED)
        replace_master_key(self._folder, self._key, new)

    def make_recovery_key(self) -> RecoveryKey:
        """Make a recovery key that opens this history beside the master key; one made before ceases to."""
        self._demand_writing()
        self._record(Action.RECOVERY_MADE)
        recovery = RecoveryKey.generate()
        replace_recovery_key(self._folder, self._key, recovery)
        return recovery

    def note_restored(self) -> None:
        """Let the audit log tell that this history comes from a backup."""
        self._record(Action.BACKUP_RESTORED, amount=self.count())

    def _empty(self, session: Session, lesion: LesionRow) -> int:
        scans = empty_lesion(session, lesion, datetime.now(UTC))
        self._log.record(session, Action.LESION_ERASED, self.reference("lesion", lesion.lesion_id), scans)
        return scans

    def _tidy_up(self) -> None:
        with turn(self._folder):
            mend_keyring(self._folder)
            sweep_history(self._folder)
            self._blobs.prepare()
            self._decide(self._blobs.waiting())
            resume(self._folder, self._writes)
