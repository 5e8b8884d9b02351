from collections.abc import Callable

import pytest

from dermscan.bus.events import WorkState
from dermscan.health.judging import Readings
from dermscan.health.machine import Machine
from dermscan.health.state import DeviceState

NOW = 1_780_000_000.0
MakeReadings = Callable[..., Readings]


@pytest.fixture
def readings() -> MakeReadings:
    """Makes readings of a device that is well, but for what a test says."""

    def make(**changed: object) -> Readings:
        machine = {
            "temperature_c": 45.0,
            "throttled": False,
            "under_voltage": False,
            "memory_free_bytes": 10**9,
            "memory_pressure": 0.0,
            "clock_kept": True,
        }
        work = {
            "now_s": NOW,
            "storage_free_bytes": 10**10,
            "frame_rate_hz": 10.0,
            "frame_rate_wanted_hz": 10.0,
            "analysis_s": 1.0,
        }
        machine |= {key: value for key, value in changed.items() if key in machine}  # type: ignore[misc]
        work |= {key: value for key, value in changed.items() if key in work}  # type: ignore[misc]
        assert set(changed) <= {*machine, *work}
        return Readings(machine=Machine(**machine), **work)  # type: ignore[arg-type]

    return make


@pytest.fixture
def state() -> DeviceState:
    return DeviceState(
        written_s=100.5,
        software="0.1.0",
        bundle="ab" * 32,
        key="tpm2",
        state=WorkState.READY,
        broker=True,
        uptime_s=3600,
        scans_filed=7,
        frame_rate_hz=9.75,
        temperature_c=51.2,
    )
