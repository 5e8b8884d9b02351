"""Files scans completely or not at all. It opens no history and erases nothing."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dermscan.domain import Laterality, Scan
from dermscan.errors import HistoryUnavailable, TicketRefused, UnknownRecord
from dermscan.history.audit import Action
from dermscan.history.opening import Opened, turn
from dermscan.history.reading import known_lesion, wrapped_key
from dermscan.history.records import scan_row
from dermscan.history.safekeeping import HistoryKeeper
from dermscan.history.scan_blobs import blob_rows, seal_pictures
from dermscan.history.schema import SCHEMA_VERSION, BlobRow, LesionRow, SubjectRow
from dermscan.history.tickets import open_ticket, use_ticket
from dermscan.history.upgrade import schema_version
from dermscan.history.vault import DataKey


class HistoryWriter(HistoryKeeper):
    """The reads of a history, and what the service writes."""

    def __init__(self, opened: Opened, *, read_only: bool) -> None:
        """Take over what is open; whether it may be written as well."""
        super().__init__(opened)
        self._read_only = read_only
        self._moment = threading.Lock()
        self._writer: int | None = None

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Let this thread write for a moment beside the service, though the history is open for reading.

        Transactions and the order of files keep the two apart, as SQLite's own lock does for the audit log. What the
        service alone may do - to migrate, to sweep what waits in transit - it does while nobody is in here.

        Raises:
            HistoryUnavailable: Another process has the turn for long, or has brought the history to another schema.
        """
        with self._moment, turn(self._folder):
            if schema_version(self._engine) != SCHEMA_VERSION:
                raise HistoryUnavailable(problem="its schema was changed meanwhile; start this program anew")
            self._writer = threading.get_ident()
            try:
                yield
            finally:
                self._writer = None

    def create_lesion(
        self,
        *,
        subject_alias: str | None = None,
        anatomic_site: str | None = None,
        laterality: Laterality | None = None,
        note: str | None = None,
    ) -> str:
        """Record a lesion before its first scan, and its subject where the alias is new.

        Returns:
            The lesion's identifier.
        """
        lesion_id = str(uuid.uuid4())
        with self._writing() as session:
            row = self._lesion_row(lesion_id, DataKey.generate())
            row.subject_id = None if subject_alias is None else subject_id_of(session, subject_alias)
            row.anatomic_site = anatomic_site
            row.laterality = None if laterality is None else laterality.value
            row.note = note
            session.add(row)
            self._log.record(session, Action.LESION_RECORDED, self.reference("lesion", lesion_id))
        return lesion_id

    def file_scan(self, scan: Scan, lesion_id: str | None = None) -> str:
        """File a scan completely or not at all; when this returns, a power cut cannot take it away.

        Args:
            scan: The scan. Filing the same one twice is a defect.
            lesion_id: The lesion it belongs to; None makes a new one, which waits in the inbox.

        Returns:
            The lesion's identifier.

        Raises:
            UnknownRecord: There is no such lesion.
        """
        self._demand_writing()
        owner = lesion_id or str(uuid.uuid4())
        key = self._data_key(owner) if lesion_id else DataKey.generate()
        sealed = seal_pictures(scan, key)
        staged = self._blobs.stage(list(sealed.values()))
        with self._decided([blob.name for blob in staged]), self._writing() as session:
            if not lesion_id:
                session.add(self._lesion_row(owner, key))
                session.flush()
            known_lesion(session, owner)  # another process may have erased it since its key was read
            session.add(scan_row(scan, owner, datetime.now(UTC)))
            session.flush()
            session.add_all(blob_rows(scan.scan_id, sealed, staged))
            self._log.record(session, Action.SCAN_FILED, self.reference("scan", scan.scan_id))
        return owner

    def redeem_ticket(self, ticket: str, now: datetime | None = None) -> str | None:
        """Use a ticket up.

        Returns:
            The lesion to scan, None for a new one.

        Raises:
            TicketRefused: It is unknown, was used or has expired, or its lesion is gone.
        """
        now = now or datetime.now(UTC)
        permission = open_ticket(self._vault.ticket_key, ticket, now)
        with self._writing() as session:
            if permission.lesion_id is not None:
                _demand_lesion(session, permission.lesion_id)
            use_ticket(session, permission, now)
            self._log.record(session, Action.TICKET_REDEEMED, self._of_lesion(permission.lesion_id))
        return permission.lesion_id

    def _lesion_row(self, lesion_id: str, key: DataKey) -> LesionRow:
        wrapped = self._vault.wrap(key, lesion_id)
        return LesionRow(lesion_id=lesion_id, wrapped_key=wrapped, created_at=datetime.now(UTC))

    def _data_key(self, lesion_id: str) -> DataKey:
        with self._reading() as session:
            return self._vault.unwrap(wrapped_key(session, lesion_id), lesion_id)

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        self._demand_writing()
        with self._recording() as session:
            yield session

    def _demand_writing(self) -> None:
        if self._read_only and self._writer != threading.get_ident():
            raise HistoryUnavailable(problem="it is open for reading only")

    @contextmanager
    def _decided(self, names: Sequence[str]) -> Iterator[None]:
        """Around a transaction that names staged blobs: they go where the database says that they belong."""
        with ExitStack() as unless_filed:
            unless_filed.callback(self._decide, names)
            try:
                yield
            except HistoryUnavailable:
                # The disk failed, and only a new start can tell whether it took the transaction
                unless_filed.pop_all()
                raise
            unless_filed.pop_all()
        self._blobs.keep(names)

    def _decide(self, names: Sequence[str]) -> None:
        with self._reading() as session:
            filed = set(session.scalars(select(BlobRow.name).where(BlobRow.name.in_(names))))
        self._blobs.keep(sorted(filed))
        self._blobs.discard(sorted(set(names) - filed))


def _demand_lesion(session: Session, lesion_id: str) -> None:
    try:
        known_lesion(session, lesion_id)
    except UnknownRecord:
        raise TicketRefused(problem="its lesion is gone") from None


def subject_id_of(session: Session, alias: str) -> str:
    """Find a subject's identifier by the alias; a new alias is a new subject."""
    known = session.scalar(select(SubjectRow.subject_id).where(SubjectRow.alias == alias))
    if known is not None:
        return known
    row = SubjectRow(subject_id=str(uuid.uuid4()), alias=alias, created_at=datetime.now(UTC))
    session.add(row)
    session.flush()
    return row.subject_id
