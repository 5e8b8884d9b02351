"""Reads the audit log and finds what was edited, removed, reordered or cut off. It changes nothing."""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from dermscan.history.audit import Action, AuditEntry, AuditLog
from dermscan.history.audit_mark import START, Reached
from dermscan.history.schema import AuditRow

_AT_ONCE = 1000


class Breach(StrEnum):
    """What can be wrong with the log."""

    REMOVED = "removed"
    ALTERED = "altered"
    HEAD_ALTERED = "head_altered"
    CUT_OFF = "cut_off"
    MARK_MISSING = "mark_missing"
    OLDER_COPY = "older_copy"
    WHOLE_FOLDER = "whole_folder"
    FOUND_BEFORE = "found_before"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the log.

    Attributes:
        breach: What. `REMOVED`: an entry is missing; `ALTERED`: it was edited, moved or made without the key;
            `HEAD_ALTERED`: the sealed head is missing or altered; `CUT_OFF`: the log's end is missing or was added to;
            `MARK_MISSING`: the mark beside the database is missing or altered; `OLDER_COPY`: the log ends before the
            mark or differs from it; `WHOLE_FOLDER`: it ends before an entry that somebody has seen; `FOUND_BEFORE`: an
            entry tells that the head or the mark did not fit then.
        seq: Number of the entry concerned.
    """

    breach: Breach
    seq: int


def entry_of(row: AuditRow) -> AuditEntry:
    """Read a row."""
    return AuditEntry(row.seq, row.at, row.actor, row.action, row.reference, row.amount)


def findings(session: Session, log: AuditLog, mark: Reached | None) -> Iterator[Finding]:
    """Go through the whole log, entry by entry.

    Args:
        session: One view of the database.
        log: The log with its keys.
        mark: How far the log had come, read before `session` began.

    Yields:
        What is wrong; nothing where all is well.
    """
    rows = session.scalars(select(AuditRow).order_by(AuditRow.seq).execution_options(yield_per=_AT_ONCE))
    last = START
    marked = mark == START
    for row in rows:
        yield from _of_entry(log, last, row)
        last = Reached(row.seq, row.chain)
        marked = marked or last == mark
        session.expunge(row)
    yield from _of_end(log.head(session), last, mark, marked=marked)


def _of_entry(log: AuditLog, last: Reached, row: AuditRow) -> Iterable[Finding]:
    for missing in range(last.seq + 1, min(row.seq, last.seq + _AT_ONCE)):
        yield Finding(Breach.REMOVED, missing)
    entry = entry_of(row)
    # After a gap the link before is unknown; what is left is vouched for by the entries that follow
    after_gap = row.seq != last.seq + 1
    begins_anew = entry.action == Action.BREACH_FOUND
    links = [log.link(last.chain, entry)] + [log.link(START.chain, entry)] * begins_anew
    if not after_gap and not any(hmac.compare_digest(row.chain, link) for link in links):
        yield Finding(Breach.ALTERED, row.seq)
    if begins_anew:
        yield Finding(Breach.FOUND_BEFORE, row.seq)


def _of_end(head: Reached | None, last: Reached, mark: Reached | None, *, marked: bool) -> Iterable[Finding]:
    if head is None:
        yield Finding(Breach.HEAD_ALTERED, last.seq)
    elif head != last:
        yield Finding(Breach.CUT_OFF, last.seq)
    if mark is None:
        yield Finding(Breach.MARK_MISSING, last.seq)
    elif not marked:
        yield Finding(Breach.OLDER_COPY, mark.seq)
