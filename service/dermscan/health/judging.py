"""Which readings count as wrong. It decides on numbers alone, and calmly: one moment, bad or good, does not count."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from dermscan.bus.events import HealthCode
from dermscan.health.machine import Machine
from dermscan.settings import HealthSettings

MEGABYTE = 1_000_000

PRESSED_PERCENT = 10.0
"""Per cent of a minute in which all work waited for memory, from which memory counts as short."""

BUILT = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""Seconds since 1970 before which this software was not there: an earlier clock is wrong."""

RAISE_AFTER = 2
CLEAR_AFTER = 6
"""Looks in a row that find a code, or do not, before it is said; a look is a few seconds."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What is judged.

    Attributes:
        machine: What the machine says of itself.
        now_s: The time by the system's clock, seconds since 1970.
        storage_free_bytes: What the history's disk has left, None when it cannot be told.
        frame_rate_hz: Frames a second over the last seconds, None while the camera is away.
        frame_rate_wanted_hz: What the settings ask for.
        analysis_s: Seconds that the last scan took, None before the first.
    """

    machine: Machine
    now_s: float
    storage_free_bytes: int | None
    frame_rate_hz: float | None
    frame_rate_wanted_hz: float
    analysis_s: float | None


JUDGED = frozenset(
    {
        HealthCode.TOO_HOT,
        HealthCode.THROTTLED,
        HealthCode.UNDER_VOLTAGE,
        HealthCode.LOW_MEMORY,
        HealthCode.STORAGE_LOW,
        HealthCode.CLOCK_UNSET,
        HealthCode.CAMERA_SLOW,
        HealthCode.ANALYSIS_SLOW,
    }
)
"""The codes that are decided here; the others are said by whoever meets the fault."""


def judged(readings: Readings, limits: HealthSettings) -> frozenset[HealthCode]:
    """The codes that hold at this moment; what was not read is not wrong."""
    machine, free = readings.machine, readings.storage_free_bytes
    found = {
        HealthCode.TOO_HOT: _reaches(machine.temperature_c, limits.max_temperature_c),
        HealthCode.THROTTLED: machine.throttled is True,
        HealthCode.UNDER_VOLTAGE: machine.under_voltage is True,
        HealthCode.LOW_MEMORY: _below(machine.memory_free_bytes, limits.min_memory_mb * MEGABYTE)
        or _reaches(machine.memory_pressure, PRESSED_PERCENT),
        HealthCode.STORAGE_LOW: _below(free, limits.min_free_mb * MEGABYTE),
        HealthCode.CLOCK_UNSET: readings.now_s < BUILT or not (machine.clock_kept or limits.trust_clock),
        HealthCode.CAMERA_SLOW: _below(readings.frame_rate_hz, limits.min_rate_share * readings.frame_rate_wanted_hz),
        HealthCode.ANALYSIS_SLOW: _reaches(readings.analysis_s, limits.max_analysis_s),
    }
    return frozenset(code for code, holds in found.items() if holds)


def _reaches(value: float | None, limit: float) -> bool:
    return value is not None and value >= limit


def _below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


class Calm:
    """Lets a code through only when it has held for some looks, and away only when it has been gone for more."""

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self._runs: dict[HealthCode, int] = {}
        self.said: frozenset[HealthCode] = frozenset()

    def look(self, found: Iterable[HealthCode]) -> frozenset[HealthCode]:
        """Take what one look found.

        Returns:
            The codes to say from now on, also kept in `said`.
        """
        found = frozenset(found)
        for code in JUDGED:
            if (code in found) == (code in self.said):
                self._runs[code] = 0
                continue
            self._runs[code] = self._runs.get(code, 0) + 1
            if self._runs[code] >= (CLEAR_AFTER if code in self.said else RAISE_AFTER):
                self.said ^= {code}
                self._runs[code] = 0
        return self.said
