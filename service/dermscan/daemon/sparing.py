"""Keeps the journal short: the same sentence is not written more than so often, and what was left out is counted."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

AT_ONCE = 30
PER_HOUR = 30
"""Lines of one sentence: so many at once, and so many an hour in the long run."""

LEFT_OUT = "%s (left out before: %d)"

SENTENCES = 500
"""Sentences that are remembered; this software has far fewer of its own."""


@dataclass(slots=True)
class _Allowance:
    left: float
    at_s: float
    held_back: int = 0


class Sparing(logging.Filter):
    """Lets lines through while their sentence has some left. A sentence is the template, before its blanks are filled.

    Source of the rule: the token bucket, as for commands on the bus.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing said; `clock` gives monotonic seconds."""
        super().__init__()
        self._clock = clock
        self._allowances: dict[str, _Allowance] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line may be written; the first after a silence is made to say how many were left out."""
        allowance = self._allowance(str(record.msg))
        if allowance.left < 1:
            allowance.held_back += 1
            return False
        allowance.left -= 1
        if allowance.held_back:
            record.msg, record.args = LEFT_OUT, (record.getMessage(), allowance.held_back)
            allowance.held_back = 0
        return True

    def _allowance(self, sentence: str) -> _Allowance:
        now = self._clock()
        if sentence not in self._allowances:
            if len(self._allowances) >= SENTENCES:
                self._allowances.pop(next(iter(self._allowances)))
            self._allowances[sentence] = _Allowance(AT_ONCE, now)
        allowance = self._allowances[sentence]
        allowance.left = min(AT_ONCE, allowance.left + (now - allowance.at_s) * PER_HOUR / 3600)
        allowance.at_s = now
        return allowance
