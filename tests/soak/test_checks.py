"""The checks can fail: each is shown what it must find."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from soak.bed import Bed
from soak.checks import IN_CLEAR, Watch, astray, growth, steady, wrong_count
from soak.gauges import Sample
from soak.keeper import Life

CHILD = cast("subprocess.Popen[bytes]", None)


def life(before: int, after: int, code: int = 0) -> Life:
    return Life(CHILD, 0.0, ended=1.0, code=code, filed_before=before, filed_after=after)


@pytest.mark.parametrize(
    ("told", "code", "wrong"),
    [(5, 0, False), (6, 0, True), (4, 0, True), (4, -9, False), (5, -9, False), (3, -9, True), (6, -9, True)],
)
def test_a_scan_lost_or_doubled_is_found_and_a_kill_may_come_between_filing_and_telling(
    told: int, code: int, *, wrong: bool
) -> None:
    assert wrong_count(life(10, 15, code), told) is wrong
    assert astray(life(10, 15, code), told) == 5 - told


def samples(megabytes: list[float], descriptors: int = 20, threads: int = 9) -> list[Sample]:
    return [Sample(float(at), 1, value, descriptors, threads) for at, value in enumerate(megabytes)]


def test_growth_is_judged_over_the_last_half() -> None:
    assert growth(samples([1.0] * 50 + [200.0] * 50)) == 0
    assert growth(samples([200.0] * 80 + [210.0] * 20)) == pytest.approx(0.05)
    assert growth(samples([200.0 + at for at in range(100)])) > 0.01


def test_what_comes_and_goes_is_steady_and_what_stays_is_not() -> None:
    coming_and_going = [Sample(float(at), 1, 1.0, 20 + at % 5, 9 + at % 2) for at in range(120)]
    assert steady(coming_and_going) == {"descriptors": (22, 22), "threads": (9, 9)}
    leaking = [Sample(float(at), 1, 1.0, 20 + at // 10, 9) for at in range(120)]
    first, last = steady(leaking)["descriptors"]
    assert last > first


@pytest.fixture
def bed(tmp_path: Path) -> Any:
    for place in ("history", "console"):
        (tmp_path / place).mkdir()
    return SimpleNamespace(folder=tmp_path, appliance=SimpleNamespace(history=tmp_path / "history"))


@pytest.mark.parametrize("secret", IN_CLEAR)
def test_what_lies_in_clear_is_found_wherever_it_lies(bed: Any, secret: bytes) -> None:
    watch = Watch(cast("Bed", bed))
    for name in ("history/blob", "console/people", "output-0.txt", "state.json"):
        (bed.folder / name).write_bytes(b"\x00" * 1000)
    assert watch.in_clear(IN_CLEAR) == []
    for name in ("history/blob", "console/people", "output-0.txt", "state.json"):
        (bed.folder / name).write_bytes(b"\x00" * 1000 + secret)
        assert watch.in_clear((secret,)) == [f"{Path(name).name} holds something in clear"]
        assert watch.in_clear((secret,)) == [], "what has not changed is not read again"
