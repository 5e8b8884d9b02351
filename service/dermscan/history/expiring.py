"""Deletes scans by the policy of retention, oldest first. It never acts on a clock that it does not believe."""

import logging
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import select

from dermscan.history.audit import Action
from dermscan.history.clock import doubt_about
from dermscan.history.erasure import drop_scans, empty_lesion, resume
from dermscan.history.retention import Waiting, expendable, left_empty
from dermscan.history.reviewing import HistoryReviews
from dermscan.history.schema import ScanRow
from dermscan.settings import RetentionSettings

_MANY, _FEW = 200, 10
"""Scans that are deleted in one transaction: by age, and between two looks at the free space."""

_log = logging.getLogger(__name__)


class HistoryExpiry(HistoryReviews):
    """A history whose old scans go when they may."""

    def clock_doubt(self, now: datetime | None = None) -> str | None:
        """Why the clock is not believed, so that nothing is deleted by it; None where it is."""
        with self._reading() as session:
            return doubt_about(session, now or datetime.now(UTC))

    def expire(self, policy: RetentionSettings, now: datetime | None = None) -> int:
        """Delete scans that are too old, and the oldest while room is short; the baseline of a followed lesion stays.

        Args:
            policy: What may be deleted.
            now: The time, UTC, where the caller knows it; None takes the clock's, and deletes nothing where that
                cannot be believed.

        Returns:
            How many scans were deleted.
        """
        moment = self._believed(policy, now)
        if moment is None:
            return 0
        deleted = 0
        if policy.max_age_days is not None:
            oldest = moment - timedelta(days=policy.max_age_days)
            while count := self._expire(oldest, _MANY):
                deleted += count
        if policy.min_free_mb is not None:
            while self.free_bytes() < policy.min_free_mb * 1_000_000 and (count := self._expire(moment, _FEW)):
                deleted += count
        return deleted

    def would_expire(self, policy: RetentionSettings, now: datetime | None = None) -> int:
        """Tell how many scans `expire` would delete, and delete none; the arguments are those of `expire`.

        How much room each would give back is reckoned by its pictures' sizes.
        """
        moment = self._believed(policy, now)
        if moment is None:
            return 0
        with self._reading() as session:
            waiting = Waiting(session)
        free, would = self.free_bytes(), 0
        if policy.max_age_days is not None:
            for size in waiting.going(moment - timedelta(days=policy.max_age_days)):
                would, free = would + 1, free + size
        if policy.min_free_mb is not None:
            going = waiting.going(moment)
            while free < policy.min_free_mb * 1_000_000 and (few := list(islice(going, _FEW))):
                would, free = would + len(few), free + sum(few)
        return would

    def _believed(self, policy: RetentionSettings, now: datetime | None) -> datetime | None:
        if now is not None or policy == RetentionSettings():
            return now
        doubt = self.clock_doubt()
        if doubt is None:
            return datetime.now(UTC)
        _log.warning("No scan is deleted by the policy of retention: %s", doubt)
        return None

    def _expire(self, taken_before: datetime, limit: int) -> int:
        with self._writing() as session:
            scans = expendable(session, taken_before, limit)
            if not scans:
                return 0
            lesions = set(session.scalars(select(ScanRow.lesion_id).where(ScanRow.scan_id.in_(scans))))
            drop_scans(session, scans)
            for lesion in left_empty(session, lesions):
                empty_lesion(session, lesion, datetime.now(UTC))
            self._log.record(session, Action.SCANS_EXPIRED, amount=len(scans))
        resume(self._folder, self._writes)
        return len(scans)
