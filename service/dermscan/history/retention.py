"""Which scans may go when they are old or room is short. It deletes nothing itself and never gives up a baseline."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from dermscan.history.schema import BlobRow, LesionRow, ScanRow


def expendable(session: Session, taken_before: datetime, limit: int) -> list[str]:
    """Find scans that may go, oldest first.

    The oldest scan of a lesion is its baseline, and so is the one set by hand. They stay while the lesion is followed:
    while it has a subject or another scan.

    Args:
        session: One view of the database.
        taken_before: Only scans taken before that time, UTC.
        limit: Greatest number of scans.
    """
    earlier, other = aliased(ScanRow), aliased(ScanRow)
    has_earlier = (
        select(earlier.scan_id)
        .where(earlier.lesion_id == ScanRow.lesion_id)
        .where(
            (earlier.taken_at < ScanRow.taken_at)
            | ((earlier.taken_at == ScanRow.taken_at) & (earlier.scan_id < ScanRow.scan_id))
        )
        .exists()
    )
    has_other = (
        select(other.scan_id).where(other.lesion_id == ScanRow.lesion_id, other.scan_id != ScanRow.scan_id).exists()
    )
    by_hand = LesionRow.baseline_scan_id.is_not(None) & (LesionRow.baseline_scan_id == ScanRow.scan_id)
    followed = LesionRow.subject_id.is_not(None) | has_other
    found = (
        select(ScanRow.scan_id)
        .join(LesionRow, LesionRow.lesion_id == ScanRow.lesion_id)
        .where(ScanRow.taken_at < taken_before, (has_earlier & ~by_hand) | ~followed)
        .order_by(ScanRow.taken_at, ScanRow.scan_id)
        .limit(limit)
    )
    return list(session.scalars(found))


def left_empty(session: Session, lesion_ids: set[str]) -> list[LesionRow]:
    """Find those of the lesions that have neither a scan nor a subject any more."""
    scans = select(func.count()).where(ScanRow.lesion_id == LesionRow.lesion_id).scalar_subquery()
    empty = select(LesionRow).where(LesionRow.lesion_id.in_(lesion_ids), LesionRow.subject_id.is_(None), scans == 0)
    return list(session.scalars(empty))


class Waiting:
    """The scans as they would go one after the other, reckoned in memory by the rule of `expendable`."""

    def __init__(self, session: Session) -> None:
        """Read what the rule needs of every scan."""
        sizes = select(BlobRow.scan_id, func.sum(BlobRow.size_bytes).label("size")).group_by(BlobRow.scan_id).subquery()
        found = (
            select(ScanRow.lesion_id, ScanRow.taken_at, ScanRow.scan_id, func.coalesce(sizes.c.size, 0))
            .outerjoin(sizes, sizes.c.scan_id == ScanRow.scan_id)
            .order_by(ScanRow.taken_at, ScanRow.scan_id)
        )
        self._of: dict[str, list[_Scan]] = defaultdict(list)
        for lesion_id, taken_at, scan_id, size in session.execute(found):
            self._of[lesion_id].append(_Scan(taken_at, scan_id, lesion_id, size))
        lesions = select(LesionRow.lesion_id, LesionRow.subject_id, LesionRow.baseline_scan_id)
        self._lesions = {lesion_id: (subject, baseline) for lesion_id, subject, baseline in session.execute(lesions)}

    def going(self, taken_before: datetime) -> Iterator[int]:
        """Take scans that were taken before that time away, oldest first, and give the bytes of each one's pictures."""
        ready = [scan for lesion_id in self._of for scan in self._may_go(lesion_id)]
        heapify(ready)
        while ready and ready[0].taken_at < taken_before:
            scan = heappop(ready)
            self._of[scan.lesion_id].remove(scan)
            if len(self._of[scan.lesion_id]) == 1:
                for last in self._may_go(scan.lesion_id):
                    heappush(ready, last)
            yield scan.size

    def _may_go(self, lesion_id: str) -> list["_Scan"]:
        subject, by_hand = self._lesions[lesion_id]
        scans = self._of[lesion_id]
        if subject is None and len(scans) == 1:
            return scans[:]
        return [scan for scan in scans[1:] if scan.scan_id != by_hand]


class _Scan(NamedTuple):
    taken_at: datetime
    scan_id: str
    lesion_id: str
    size: int
