"""Whether the device's clock can be believed before anything is deleted by it. It sets no clock.

A device without a battery for its clock starts in 1970, and a wrong date once set is as bad. Either would make scans
look old that are not.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dermscan.history.schema import AuditRow

BUILT = datetime(2026, 1, 1, tzinfo=UTC)
"""Before this software was there, no clock was right that ran it."""

FARTHEST = timedelta(days=90)
"""Between two entries of the audit log more time passes only while a device is out of use, or by a clock that jumps."""

PROBATION = timedelta(days=30)
"""For so long somebody can notice a wrong date before it is acted upon."""


def doubt_about(session: Session, now: datetime) -> str | None:
    """Say why the clock is not believed, None where it is.

    Args:
        session: One view of the database, whose audit log is looked at.
        now: What the clock says, UTC.
    """
    if now < BUILT:
        return "the clock is set to a time before this software was made"
    latest = session.scalar(select(func.max(AuditRow.at)))
    if latest is not None and now < latest:
        return "the clock is behind the last entry of the audit log"
    begin = now - PROBATION
    before = session.scalar(select(func.max(AuditRow.at)).where(AuditRow.at < begin))
    first = session.scalar(select(func.min(AuditRow.at)).where(AuditRow.at >= begin)) or now
    if before is not None and first - before > FARTHEST:
        return f"the clock has jumped by {(first - before).days} days, less than {PROBATION.days} days ago"
    return None
