"""What counts as wrong, at the limits and beyond, and that it is said calmly."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.bus.events import HealthCode
from dermscan.health.judging import BUILT, CLEAR_AFTER, JUDGED, RAISE_AFTER, Calm, judged
from dermscan.settings import HealthSettings

if TYPE_CHECKING:
    from health.conftest import MakeReadings

LIMITS = HealthSettings()


def test_a_device_that_is_well_has_no_code(readings: MakeReadings) -> None:
    assert judged(readings(), LIMITS) == frozenset()


@pytest.mark.parametrize(
    ("what", "well", "wrong", "code"),
    [
        ("temperature_c", 81.9, 82.0, "too_hot"),
        ("throttled", False, True, "throttled"),
        ("under_voltage", False, True, "under_voltage"),
        ("memory_free_bytes", 100_000_000, 99_999_999, "low_memory"),
        ("memory_pressure", 9.9, 10.0, "low_memory"),
        ("storage_free_bytes", 200_000_000, 199_999_999, "storage_low"),
        ("clock_kept", True, False, "clock_unset"),
        ("now_s", BUILT, 0.0, "clock_unset"),
        ("frame_rate_hz", 5.0, 4.9, "camera_slow"),
        ("analysis_s", 9.9, 10.0, "analysis_slow"),
    ],
)
def test_each_limit(readings: MakeReadings, what: str, well: object, wrong: object, code: str) -> None:
    assert judged(readings(**{what: well}), LIMITS) == frozenset()
    assert judged(readings(**{what: wrong}), LIMITS) == {HealthCode(code)}


def test_what_was_not_read_is_not_wrong(readings: MakeReadings) -> None:
    unread = ["temperature_c", "throttled", "under_voltage", "memory_free_bytes", "memory_pressure"]
    unread += ["storage_free_bytes", "frame_rate_hz", "analysis_s"]
    assert judged(readings(**dict.fromkeys(unread)), LIMITS) == frozenset()


def test_a_clock_may_be_trusted_but_not_in_1970(readings: MakeReadings) -> None:
    trusting = HealthSettings(trust_clock=True)
    assert judged(readings(clock_kept=False), trusting) == frozenset()
    assert judged(readings(clock_kept=False, now_s=86_400.0), trusting) == {HealthCode.CLOCK_UNSET}


def test_one_bad_moment_is_not_said_and_one_good_one_ends_nothing() -> None:
    calm = Calm()
    hot = {HealthCode.TOO_HOT}
    assert [bool(calm.look(found)) for found in (hot, set(), hot, set())] == [False] * 4
    said = [bool(calm.look(hot)) for _ in range(RAISE_AFTER)]
    assert said == [False] * (RAISE_AFTER - 1) + [True]
    assert all(calm.look(set()) for _ in range(CLEAR_AFTER - 1))
    assert calm.look(hot)
    assert all(calm.look(set()) for _ in range(CLEAR_AFTER - 1))
    assert calm.look(set()) == frozenset()


@given(st.lists(st.frozensets(st.sampled_from(sorted(JUDGED)), max_size=4), max_size=200))
def test_a_flapping_reading_changes_what_is_said_rarely(looks: list[frozenset[HealthCode]]) -> None:
    calm = Calm()
    said = [frozenset[HealthCode](), *(calm.look(found) for found in looks)]
    for code in JUDGED:
        changes = sum((code in one) != (code in other) for one, other in itertools.pairwise(said))
        assert changes <= 2 * len(looks) / (RAISE_AFTER + CLEAR_AFTER) + 1


@given(st.frozensets(st.sampled_from(sorted(JUDGED))))
def test_what_stays_is_said_in_the_end(found: frozenset[HealthCode]) -> None:
    calm = Calm()
    for _ in range(RAISE_AFTER):
        calm.look(found)
    assert calm.said == found


def test_a_code_of_somebody_else_is_left_alone() -> None:
    calm = Calm()
    for _ in range(RAISE_AFTER + 1):
        calm.look({HealthCode.CAMERA_LOST})
    assert calm.said == frozenset()
