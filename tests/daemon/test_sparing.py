"""A fault that comes and goes all day long does not fill the journal."""

import logging

from appliance import Appliance, wait_until
from dermscan.daemon.sparing import AT_ONCE, PER_HOUR, SENTENCES, Sparing

LOST = "%s; opening it anew"
MONTH_H = 30 * 24


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def line(template: str, *blanks: object) -> logging.LogRecord:
    return logging.LogRecord("dermscan", logging.WARNING, __file__, 1, template, blanks, None)


def written(sparing: Sparing, record: logging.LogRecord) -> str | None:
    return record.getMessage() if sparing.filter(record) else None


def test_a_month_of_flapping_is_bounded_and_nothing_is_left_out_in_silence() -> None:
    clock = Clock()
    sparing = Sparing(clock)
    lines, left_out, told = 0, 0, 0
    for _ in range(MONTH_H * 60):
        clock.now += 60
        for _ in range(6):
            said = written(sparing, line(LOST, "The camera was lost"))
            if said is None:
                left_out += 1
                continue
            lines += 1
            told += int(said.rpartition(": ")[2].rstrip(")")) if "left out before" in said else 0
    assert MONTH_H * PER_HOUR * 0.9 < lines <= AT_ONCE + MONTH_H * PER_HOUR
    assert left_out - told < 3600 / PER_HOUR, "only what followed the last line is untold"


def test_sentences_do_not_silence_each_other_and_blanks_do_not_make_new_ones() -> None:
    sparing = Sparing(Clock())
    for number in range(AT_ONCE):
        assert written(sparing, line("Scan filed in %d ms (%s)", number, "roi 1")) is not None
    assert written(sparing, line("Scan filed in %d ms (%s)", 1, "roi 2")) is None
    assert written(sparing, line("The broker is back")) == "The broker is back"


def test_it_recovers() -> None:
    clock = Clock()
    sparing = Sparing(clock)
    for _ in range(AT_ONCE + 7):
        written(sparing, line(LOST, "x"))
    clock.now += 3600
    assert written(sparing, line(LOST, "x")) == "x; opening it anew (left out before: 7)"
    assert written(sparing, line(LOST, "x")) == "x; opening it anew"


def test_what_is_remembered_does_not_grow() -> None:
    sparing = Sparing(Clock())
    for number in range(3 * SENTENCES):
        sparing.filter(line(f"sentence {number}"))
    assert len(sparing._allowances) == SENTENCES


def test_a_traceback_counts_like_any_line() -> None:
    sparing = Sparing(Clock())
    record = line("The %s thread failed", "camera")
    record.exc_info = (ValueError, ValueError("x"), None)
    passed = [sparing.filter(record) for _ in range(AT_ONCE + 3)]
    assert sum(passed) == AT_ONCE


def test_a_camera_that_comes_and_goes_is_said_once_each_time(appliance: Appliance) -> None:
    appliance.sections["scan"]["automatic"] = False
    appliance.sections["camera.faults"] = {"disconnect_after_s": 1.0}
    running = appliance.start()
    wait_until(lambda: running.said.count("The camera sends frames again") >= 2)
    running.stop()
    lines = running.said.splitlines()
    away = [said for said in lines if "opening it anew" in said]
    back = [said for said in lines if "The camera sends frames again" in said]
    assert len(back) <= len(away) <= len(back) + 1
    assert len(lines) <= len(away) + len(back) + 6, lines
