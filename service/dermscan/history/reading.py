"""Finds and decrypts what is filed. It changes nothing but the audit log, in which every view of pictures is."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dermscan.domain import Lesion, Scan
from dermscan.errors import HistoryCorrupt, UnknownRecord
from dermscan.history.audit import Action
from dermscan.history.blobs import BlobStore
from dermscan.history.database import check_database, database_errors
from dermscan.history.durable import disk_errors
from dermscan.history.opening import Opened
from dermscan.history.records import ScanSummary, lesion_record, rebuilt_scan, scan_summary
from dermscan.history.scan_blobs import open_pictures
from dermscan.history.schema import BlobRow, LesionRow, ScanRow, SubjectRow
from dermscan.history.tickets import seal_ticket

MIN_PREFIX = 8
"""Characters of a scan's identifier that a person must give at least."""


class HistoryReader:
    """The reads of a history. Every method may raise `HistoryCorrupt` and `HistoryUnavailable`."""

    def __init__(self, opened: Opened) -> None:
        """Read through connections and with keys that are open already."""
        self._opened = opened
        self._folder = opened.folder
        self._key = opened.key
        self._engine = opened.reads
        self._writes = opened.writes
        self._vault = opened.vault
        self._log = opened.log
        self._blobs = BlobStore(opened.folder)
        self._queue = threading.Lock()

    def lesion(self, lesion_id: str) -> Lesion:
        """Tell what is recorded about a lesion.

        Raises:
            UnknownRecord: There is no such lesion.
        """
        with self._reading() as session:
            row = known_lesion(session, lesion_id)
            alias = select(SubjectRow.alias).where(SubjectRow.subject_id == row.subject_id)
            return lesion_record(row, session.scalar(alias))

    def latest(self, limit: int = 20, *, unassigned: bool = False) -> tuple[ScanSummary, ...]:
        """List the latest scans of all lesions, or of those only that wait in the inbox, newest first."""
        with self._reading() as session:
            newest = select(ScanRow).order_by(ScanRow.taken_at.desc(), ScanRow.scan_id).limit(limit)
            if unassigned:
                newest = newest.join(LesionRow).where(LesionRow.subject_id.is_(None))
            return tuple(scan_summary(row) for row in session.scalars(newest))

    def timeline(self, lesion_id: str) -> tuple[ScanSummary, ...]:
        """List a lesion's scans, oldest first.

        Raises:
            UnknownRecord: There is no such lesion.
        """
        with self._reading() as session:
            known_lesion(session, lesion_id)
            oldest = select(ScanRow).where(ScanRow.lesion_id == lesion_id).order_by(ScanRow.taken_at, ScanRow.scan_id)
            return tuple(scan_summary(row) for row in session.scalars(oldest))

    def find(self, scan_id: str) -> ScanSummary:
        """Find a scan by its identifier, or by the beginning of it: eight characters or more that fit one scan alone.

        Raises:
            UnknownRecord: No scan fits, or several do.
        """
        if len(scan_id) < MIN_PREFIX:
            raise UnknownRecord(kind="scan")
        with self._reading() as session:
            fitting = select(ScanRow).where(ScanRow.scan_id >= scan_id, ScanRow.scan_id < scan_id + "\x7f").limit(2)
            rows = session.scalars(fitting).all()
            if len(rows) != 1:
                raise UnknownRecord(kind="unique scan" if rows else "scan")
            return scan_summary(rows[0])

    def find_lesion(self, lesion_id: str) -> Lesion:
        """Find a lesion by its identifier, or by the beginning of it: eight characters or more that fit one alone.

        Raises:
            UnknownRecord: No lesion fits, or several do.
        """
        beginning = LesionRow.lesion_id.between(lesion_id, lesion_id + "\x7f")
        fitting = select(LesionRow.lesion_id).where(beginning, LesionRow.erased_at.is_(None)).limit(2)
        with self._reading() as session:
            found = session.scalars(fitting).all() if len(lesion_id) >= MIN_PREFIX else []
        if len(found) > 1:
            raise UnknownRecord(kind="unique lesion")
        return self.lesion(found[0] if found else lesion_id)

    def lesions_of(self, alias: str) -> tuple[Lesion, ...]:
        """List a subject's lesions, oldest first.

        Raises:
            UnknownRecord: There is no such subject.
        """
        with self._reading() as session:
            subject = known_subject(session, alias)
            oldest = select(LesionRow).where(LesionRow.subject_id == subject.subject_id).order_by(LesionRow.created_at)
            return tuple(lesion_record(row, alias) for row in session.scalars(oldest))

    def load(self, scan_id: str) -> Scan:
        """Decrypt a scan: the same pixels, mask and assessment that were filed.

        The audit log has it before anything is decrypted; what cannot be recorded is not shown.

        Raises:
            UnknownRecord: There is no such scan.
            StorageFull: The disk has no room for the audit log's entry.
            HistoryCorrupt: A picture was altered, moved, cut off or lost; the error's details name the scan.
        """
        with self._reading() as session:
            row = session.get(ScanRow, scan_id)
            if row is None:
                raise UnknownRecord(kind="scan")
            summary = scan_summary(row)
            wrapped = wrapped_key(session, row.lesion_id)
            blobs = session.scalars(select(BlobRow).where(BlobRow.scan_id == scan_id)).all()
        self._record(Action.PICTURES_VIEWED, self._log.reference("scan", scan_id))
        try:
            key = self._vault.unwrap(wrapped, summary.lesion_id)
            pixels, mask = open_pictures(scan_id, key, blobs, self._blobs)
            return rebuilt_scan(summary, pixels, mask)
        except HistoryCorrupt as error:
            raise HistoryCorrupt(problem=error.details["problem"], scan_id=scan_id) from None

    def issue_ticket(self, lesion_id: str | None, ttl: timedelta, now: datetime | None = None) -> str:
        """Make a one-time ticket for a scan of a lesion; only the audit log tells of it, so a reader may do so as well.

        Args:
            lesion_id: The lesion, None for a new one.
            ttl: How long the ticket is good.
            now: The time, UTC; None takes the clock's.

        Returns:
            The ticket, 64 letters, digits, hyphens and underscores. It is not stored and cannot be had again.

        Raises:
            UnknownRecord: There is no such lesion.
        """
        if lesion_id is not None:
            with self._reading() as session:
                known_lesion(session, lesion_id)
        self._record(Action.TICKET_ISSUED, self._of_lesion(lesion_id))
        return seal_ticket(self._vault.ticket_key, lesion_id, (now or datetime.now(UTC)) + ttl)

    def count(self) -> int:
        """Count the scans."""
        with self._reading() as session:
            return session.scalar(select(func.count()).select_from(ScanRow)) or 0

    def free_bytes(self) -> int:
        """Bytes that are left for the history on its disk."""
        with disk_errors():
            disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def check(self) -> None:
        """Read and check every page of the database.

        Raises:
            HistoryCorrupt: Anything is wrong with it.
        """
        check_database(self._engine)

    def reference(self, kind: str, identifier: str) -> str:
        """How the audit log calls a `scan`, a `lesion` or a `subject`."""
        return self._log.reference(kind, identifier)

    def _of_lesion(self, lesion_id: str | None) -> str | None:
        return None if lesion_id is None else self.reference("lesion", lesion_id)

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with database_errors(self._folder), Session(self._engine) as session:
            yield session

    @contextmanager
    def _recording(self) -> Iterator[Session]:
        """One transaction that writes; the audit log's mark follows it. The threads of a process queue up for it."""
        with self._queue, database_errors(self._folder), Session(self._writes) as session:
            with session.begin():
                yield session
            self._log.settle(session)

    def _record(self, action: Action, reference: str | None = None, amount: int | None = None) -> None:
        with self._recording() as session:
            self._log.record(session, action, reference, amount)


def known_lesion(session: Session, lesion_id: str) -> LesionRow:
    """Fetch a lesion's row.

    Raises:
        UnknownRecord: There is no such lesion, or it was erased.
    """
    row = session.get(LesionRow, lesion_id)
    if row is None:
        raise UnknownRecord(kind="lesion")
    if row.erased_at is not None:
        raise UnknownRecord(kind="lesion any more")
    return row


def known_subject(session: Session, alias: str) -> SubjectRow:
    """Fetch a subject's row.

    Raises:
        UnknownRecord: There is no such subject.
    """
    row = session.scalar(select(SubjectRow).where(SubjectRow.alias == alias))
    if row is None:
        raise UnknownRecord(kind="subject")
    return row


def wrapped_key(session: Session, lesion_id: str) -> bytes:
    """Fetch a lesion's wrapped key.

    Raises:
        UnknownRecord: There is no such lesion, or it was erased.
        HistoryCorrupt: The key is missing, though nothing says that it was destroyed.
    """
    key = known_lesion(session, lesion_id).wrapped_key
    if key is None:
        raise HistoryCorrupt(problem="a lesion's key is missing")
    return key
