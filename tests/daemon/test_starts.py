"""The count of the starts: what is a crash loop and what is none, whatever the clock and the disk do."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermscan.daemon.starts import LOOPS, NAME, Record, Starts, _is_loop
from dermscan.errors import OutputError


class Machine:
    """A machine whose time goes on when told to."""

    def __init__(self, folder: Path) -> None:
        self.seconds = 1000.0
        self.boot_id = folder / "boot_id"
        self.boot_id.write_text("first\n", encoding="ascii")
        (folder / "history").mkdir()
        self.starts = Starts(folder / "history", lambda: self.seconds, self.boot_id)

    def start(self, after_s: float = 0.0) -> bool:
        self.seconds += after_s
        return self.starts.note()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_fifth_start_within_a_minute_is_a_loop(machine: Machine) -> None:
    assert [machine.start(10) for _ in range(6)] == [False, False, False, False, True, True]


def test_five_starts_in_more_than_a_minute_are_none(machine: Machine) -> None:
    assert not any(machine.start(16) for _ in range(7))


def test_dying_by_the_watchdog_again_and_again_is_a_loop_too(machine: Machine) -> None:
    assert [machine.start(40) for _ in range(8)] == [False] * 7 + [True]


def test_starts_that_ended_in_order_are_none(machine: Machine) -> None:
    for _ in range(20):
        assert not machine.start(1)
        machine.starts.end_in_order()


def test_another_start_of_the_machine_begins_anew(machine: Machine) -> None:
    assert not any(machine.start(1) for _ in range(4))
    machine.boot_id.write_text("second\n", encoding="ascii")
    machine.seconds = 5.0
    assert not any(machine.start(1) for _ in range(4))
    assert machine.start(1)


def test_safe_mode_stays_through_stops_and_starts_of_the_machine_until_it_is_cleared(machine: Machine) -> None:
    while not machine.start(1):
        pass
    machine.starts.end_in_order()
    machine.boot_id.write_text("second\n", encoding="ascii")
    assert machine.start(9000)
    assert machine.starts.clear()
    assert not machine.starts.safe_mode
    assert not machine.start(1)
    assert not machine.starts.clear()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"safe_mode": "maybe"}', b'{"note": 1}', b'{"starts": [1e999]}', b"0" * 9000],
)
def test_a_spoilt_record_is_an_empty_one(machine: Machine, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "history" / NAME).write_bytes(content)
    assert machine.starts.record == Record()
    assert not machine.start()
    assert len(machine.starts.record.starts) == 1


def test_times_from_the_future_do_not_count(machine: Machine, tmp_path: Path) -> None:
    content = {"boot_id": "first", "starts": [5000.0] * 4, "safe_mode": False}
    (tmp_path / "history" / NAME).write_text(json.dumps(content), encoding="utf-8")
    assert not machine.start()


def test_a_folder_that_cannot_be_written_is_told_and_no_end(
    machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "history" / f"{NAME}.new").mkdir()
    assert not machine.start()
    assert "cannot be counted" in caplog.text
    (tmp_path / "history" / NAME).mkdir()
    with pytest.raises(OutputError):
        machine.starts.clear()


def test_before_the_very_first_start_nothing_is_made(tmp_path: Path) -> None:
    starts = Starts(tmp_path / "history")
    assert not starts.note()
    assert not (tmp_path / "history").exists()


def test_the_kernels_own_clock_and_name_are_there(tmp_path: Path) -> None:
    starts = Starts(tmp_path)
    assert not starts.note()
    assert len(starts.record.boot_id) == 36
    assert starts.record.starts[0] > 0


@given(st.lists(st.floats(min_value=0, max_value=4000), min_size=1, max_size=30))
@settings(deadline=None)
def test_a_loop_is_as_many_starts_in_any_window(steps: list[float]) -> None:
    record, now, times = Record(), 0.0, []
    for step in steps:
        now += step
        times.append(now)
        record = record.with_start("boot", now)
        assert len(record.starts) <= max(count for count, _ in LOOPS)
    expected = any(_is_loop(tuple(times[: index + 1])) for index in range(len(times)))
    assert record.safe_mode == expected
