"""The audit log: who did what, when, to what. Entries are only ever added, and it never names a person or a lesion.

Each entry carries an HMAC over itself and its predecessor's, under a key derived from the history key. The head, sealed
under the same key, holds the last entry's number, so that a log cut off at its end is noticed; the mark beside the
database notices an older database put back. New entries go on from the head, never from the last row, so that nothing
that is missing is ever covered up.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dermscan.history.actor import acting_person, current_actor
from dermscan.history.audit_mark import START, AuditMark, Reached
from dermscan.history.keys import SecretKey
from dermscan.history.schema import EPOCH, MICROSECOND, AuditHeadRow, AuditRow

HEAD_ID = 1
_REFERENCE_BYTES = 16
_REACHED = "dermscan_reached"


class Action(StrEnum):
    """What can be done to a history."""

    LOG_BEGUN = "log_begun"
    LESION_RECORDED = "lesion_recorded"
    SCAN_FILED = "scan_filed"
    PICTURES_VIEWED = "pictures_viewed"
    TICKET_ISSUED = "ticket_issued"
    TICKET_REDEEMED = "ticket_redeemed"
    SCAN_ASSIGNED = "scan_assigned"
    LESION_ASSIGNED = "lesion_assigned"
    BASELINE_SET = "baseline_set"
    LESION_ERASED = "lesion_erased"
    SUBJECT_ERASED = "subject_erased"
    SCAN_REVIEWED = "scan_reviewed"
    MASK_CORRECTED = "mask_corrected"
    LESION_ANNOTATED = "lesion_annotated"
    SCANS_EXPIRED = "scans_expired"
    KEY_ROTATED = "key_rotated"
    RECOVERY_MADE = "recovery_made"
    BACKUP_MADE = "backup_made"
    BACKUP_RESTORED = "backup_restored"
    BACKUPS_PRUNED = "backups_pruned"
    SCANS_EXPORTED = "scans_exported"
    DATABASE_PUT_BACK = "database_put_back"
    CLOCK_WENT_BACK = "clock_went_back"
    BREACH_FOUND = "breach_found"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry.

    Attributes:
        seq: Its number, from 1 without gaps.
        at: When, by the device's clock, UTC.
        actor: Who: `unit NAME`, `user NAME`, or `console NAME` for whom the console has signed in.
        action: What.
        reference: To what, as an opaque reference (`AuditLog.reference`); None where it was to the whole history.
        amount: How many; of `clock_went_back` how many seconds. None where that says nothing.
    """

    seq: int
    at: datetime
    actor: str
    action: str
    reference: str | None
    amount: int | None


class AuditLog:
    """Adds entries, within the transaction of what they tell."""

    def __init__(self, folder: Path, key: SecretKey, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take the folder of the history, the audit key and the clock."""
        self.mark = AuditMark(folder, key)
        self._chain_key = key.derive("audit chain")
        self._head_key = key.derive("audit head")
        self._reference_key = key.derive("audit reference")
        self._actor = current_actor()
        self._clock = clock

    def begin(self, session: Session, amount: int) -> None:
        """Open the log in the transaction that makes its tables.

        Args:
            session: The transaction.
            amount: Scans that were filed before.

        Raises:
            StorageFull: The disk is full.
            HistoryUnavailable: The mark cannot be written.
        """
        if not self.mark.exists():
            self.mark.set(START)
        session.add(AuditHeadRow(head_id=HEAD_ID, seq=0, at=EPOCH, chain=START.chain, seal=b""))
        self._move_head(session, START, EPOCH)
        self.record(session, Action.LOG_BEGUN, amount=amount)

    def record(self, session: Session, action: Action, reference: str | None = None, amount: int | None = None) -> None:
        """Add an entry. `settle` follows when the transaction is committed.

        A clock that went back, a head that was altered and a mark that is missing or ahead get an entry of their own
        before.
        """
        head, latest = self._followed(session)
        # Only now, with the write lock held: an entry that had to wait for another's is not older than that
        now, actor = self._clock(), acting_person() or self._actor
        if not self._is_in_order(session, head):
            head = self._add(session, head, AuditEntry(head.seq + 1, now, actor, Action.BREACH_FOUND, None, None))
        elif now < latest:
            back = round((latest - now).total_seconds())
            entry = AuditEntry(head.seq + 1, now, actor, Action.CLOCK_WENT_BACK, None, back)
            head = self._add(session, head, entry)
        head = self._add(session, head, AuditEntry(head.seq + 1, now, actor, action, reference, amount))
        self._move_head(session, head, now)

    def settle(self, session: Session) -> None:
        """Let the mark follow what was committed."""
        reached = session.info.pop(_REACHED, None)
        if reached is not None:
            self.mark.advance(reached)

    def reference(self, kind: str, identifier: str) -> str:
        """Make an identifier opaque: its kind, a colon and 32 hexadecimal digits that only this history's key gives."""
        digest = hmac.digest(self._reference_key, f"{kind}:{identifier}".encode(), "sha256")
        return f"{kind}:{digest[:_REFERENCE_BYTES].hex()}"

    def head(self, session: Session) -> Reached | None:
        """The last entry as the head has it; None where the head is missing or was altered."""
        row = session.get(AuditHeadRow, HEAD_ID)
        if row is None or not hmac.compare_digest(row.seal, self._head_seal(Reached(row.seq, row.chain), row.at)):
            return None
        return Reached(row.seq, row.chain)

    def link(self, before: bytes, entry: AuditEntry) -> bytes:
        """The link of the chain that an entry has after the link `before`."""
        said = [entry.seq, _microseconds(entry.at), entry.actor, entry.action, entry.reference, entry.amount]
        return hmac.digest(self._chain_key, before + json.dumps(said).encode(), "sha256")

    def _followed(self, session: Session) -> tuple[Reached, datetime]:
        """What the next entry follows, and when that was."""
        head = self.head(session)
        row = session.get(AuditHeadRow, HEAD_ID)
        if head is not None and row is not None:
            return head, row.at
        last = session.scalar(select(func.max(AuditRow.seq))) or 0
        known = row.seq if row is not None else 0
        return Reached(max(last, known, 0), START.chain), EPOCH

    def _is_in_order(self, session: Session, head: Reached) -> bool:
        reached = self.mark.read()
        if reached is None or self.head(session) is None:
            return False
        return reached.seq < head.seq or reached == head

    def _add(self, session: Session, before: Reached, entry: AuditEntry) -> Reached:
        chain = self.link(before.chain, entry)
        session.add(
            AuditRow(
                seq=entry.seq,
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                reference=entry.reference,
                amount=entry.amount,
                chain=chain,
            )
        )
        return Reached(entry.seq, chain)

    def _move_head(self, session: Session, head: Reached, at: datetime) -> None:
        row = session.get(AuditHeadRow, HEAD_ID) or AuditHeadRow(head_id=HEAD_ID)
        row.seq, row.chain, row.at, row.seal = head.seq, head.chain, at, self._head_seal(head, at)
        session.add(row)
        session.flush()
        session.info[_REACHED] = head

    def _head_seal(self, head: Reached, at: datetime) -> bytes:
        return hmac.digest(
            self._head_key, json.dumps([head.seq, head.chain.hex(), _microseconds(at)]).encode(), "sha256"
        )


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
