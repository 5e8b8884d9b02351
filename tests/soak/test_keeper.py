"""What stands in systemd's place does as the unit asks, shown on processes that do one thing each."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance import wait_until
from soak import keeper
from soak.keeper import Keeper, stays_down
from soak.wall_clock import DAY_S, WallClock

READY = (
    "import os, socket, time\n"
    "told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "told.connect(os.environ['NOTIFY_SOCKET'])\n"
    "told.send(b'READY=1')\n"
)
SLEEPS = READY + "time.sleep(600)"
LEAVES = "import sys; sys.exit({})"
MakeKeeper = Callable[[str], Keeper]


@pytest.fixture
def make_keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeKeeper]:
    made: list[Keeper] = []
    monkeypatch.setattr(keeper, "RESTART_S", 0.1)

    def make(script: str) -> Keeper:
        def start() -> "subprocess.Popen[bytes]":
            return subprocess.Popen([sys.executable, "-c", script], env={**os.environ, **made[0].environment})

        made.append(Keeper(tmp_path, start, lambda: 7))
        made[0].begin()
        return made[0]

    yield make
    made[0].end()


def test_the_unit_names_what_is_not_started_anew() -> None:
    assert {0, 10, 40, 41} <= stays_down()
    assert not {20, 22, 23, 44, 45} & stays_down()


def test_what_is_killed_is_started_anew(make_keeper: MakeKeeper) -> None:
    kept = make_keeper(SLEEPS)
    wait_until(lambda: kept.ready)
    kept.send(signal.SIGKILL)
    wait_until(lambda: len(kept.lives) == 2 and kept.ready)
    assert (kept.lives[0].code, kept.lives[0].filed_before, kept.lives[0].filed_after) == (-9, 7, 7)


@pytest.mark.parametrize("code", [0, 10, 40])
def test_what_ends_in_order_or_for_a_mistake_stays_down(make_keeper: MakeKeeper, code: int) -> None:
    kept = make_keeper(LEAVES.format(code))
    wait_until(lambda: not kept.alive)
    assert kept.life.code == code
    assert len(kept.lives) == 1


def test_what_starves_is_ended(make_keeper: MakeKeeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "WATCHDOG_S", 1.0)
    kept = make_keeper(SLEEPS)
    wait_until(lambda: len(kept.lives) >= 2)
    assert kept.lives[0].code in {-signal.SIGABRT, -signal.SIGKILL}


def test_the_clock_of_one_process_jumps_and_its_steady_clocks_do_not(tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    if not clock.works:
        pytest.skip("there is no C compiler")
    script = "import time, datetime as d; print(time.time(), d.datetime.now().timestamp(), time.monotonic())"

    def told() -> list[float]:
        environment = {**os.environ, **clock.environment}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
        return [float(number) for number in done.stdout.split()]

    before = told()
    clock.set(400 * DAY_S)
    wall, of_python, steady = told()
    assert abs(wall - before[0] - 400 * DAY_S) < 600
    assert abs(of_python - wall) < 60
    assert 0 <= steady - before[2] < 600
    clock.set(0)
    assert abs(told()[0] - before[0]) < 600
