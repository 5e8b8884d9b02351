from datetime import UTC
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermscan.capture.pacing import Clock, Pacer, Stamper


class Stopwatch(Clock):
    def __init__(self) -> None:
        self.seconds = 50.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.seconds += seconds


def passages(pacer: Pacer, watch: Stopwatch, works: list[float]) -> list[float]:
    """When each frame passes, for a reader that works so long after each one."""
    times = []
    for work in works:
        pacer.wait()
        times.append(watch.seconds)
        watch.seconds += work
    return times


def test_the_first_frame_is_due_at_once() -> None:
    watch = Stopwatch()
    assert passages(Pacer(10, watch), watch, [0]) == [50.0]


def test_a_quick_reader_gets_frames_at_the_rate() -> None:
    watch = Stopwatch()
    times = passages(Pacer(4, watch), watch, [0.01] * 9)
    assert np.diff(times) == pytest.approx([0.25] * 8)


def test_a_late_reader_finds_one_frame_at_once_and_no_queue_behind_it() -> None:
    watch = Stopwatch()
    times = passages(Pacer(10, watch), watch, [5.0, 0.0, 0.0, 0.0])
    assert times[1] == pytest.approx(55.0)
    assert np.diff(times[1:]) == pytest.approx([0.1, 0.1])


def test_a_short_delay_does_not_lower_the_rate() -> None:
    watch = Stopwatch()
    times = passages(Pacer(10, watch), watch, [0.13, 0.0, 0.0, 0.0, 0.0])
    assert times[-1] - times[0] == pytest.approx(0.4)


@settings(deadline=None)
@given(st.floats(0.1, 120), st.lists(st.floats(0, 3), min_size=2, max_size=40))
def test_no_two_frames_come_quicker_than_the_rate_beyond_one_catch_up(rate_hz: float, works: list[float]) -> None:
    watch = Stopwatch()
    times = passages(Pacer(rate_hz, watch), watch, works)
    assert all(later >= earlier for earlier, later in pairwise(times))
    assert times[-1] - times[0] >= (len(works) - 2) / rate_hz - 1e-6 * len(works)


def test_a_stamp_numbers_and_dates_the_frames() -> None:
    watch = Stopwatch()
    stamper = Stamper(watch, 0.02)
    first = stamper.stamp(np.zeros((4, 6, 3), dtype=np.uint8))
    watch.seconds += 1.5
    second = stamper.stamp(np.zeros((4, 6, 3), dtype=np.uint8))
    assert (first.sequence, second.sequence) == (0, 1)
    assert second.monotonic_s - first.monotonic_s == pytest.approx(1.5)
    assert first.taken_at.tzinfo is UTC
    assert second.mm_per_pixel == 0.02


def test_the_system_clock_runs() -> None:
    clock = Clock()
    began = clock.monotonic(), clock.utc_now()
    clock.sleep(0.01)
    assert clock.monotonic() - began[0] >= 0.009
    assert clock.utc_now() >= began[1]
