"""What the machine says, from files laid out as kernels and firmware lay them out."""

from pathlib import Path

import pytest

from dermscan.health.machine import free_bytes, read_machine

NOW = 1_780_000_000.0


def put(root: Path, path: str, text: str) -> Path:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="ascii")
    return root


FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
NEWER_FIRMWARE = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"


def test_a_machine_that_tells_nothing_is_not_wrong(tmp_path: Path) -> None:
    machine = read_machine(NOW, tmp_path)
    assert machine.temperature_c is None
    assert machine.throttled is None
    assert machine.under_voltage is None
    assert machine.memory_free_bytes is None
    assert machine.memory_pressure is None
    assert machine.clock_kept is False


def test_this_machine_can_be_read() -> None:
    machine = read_machine(NOW)
    assert machine.memory_free_bytes is not None
    assert machine.memory_free_bytes > 1_000_000


def test_the_hottest_zone_counts_and_a_broken_one_does_not(tmp_path: Path) -> None:
    for number, text in enumerate(("47236\n", "61000\n", "-274000\n", "nonsense", "999999999\n")):
        put(tmp_path, f"sys/class/thermal/thermal_zone{number}/temp", text)
    (tmp_path / "sys/class/thermal/thermal_zone9").mkdir()
    assert read_machine(NOW, tmp_path).temperature_c == 61.0


@pytest.mark.parametrize("place", [FIRMWARE, NEWER_FIRMWARE])
@pytest.mark.parametrize(
    ("flags", "throttled", "weak"),
    [
        ("0\n", False, False),
        ("50000\n", False, False),  # it was so since the start, and is no longer
        ("50005\n", True, True),
        ("1\n", False, True),
        ("4\n", True, False),
        ("2\n", True, False),
        ("80008\n", False, False),  # the soft limit of temperature is no throttling
    ],
)
def test_the_firmware_of_a_raspberry_pi(tmp_path: Path, place: str, flags: str, throttled: bool, weak: bool) -> None:  # noqa: FBT001 - drawn
    machine = read_machine(NOW, put(tmp_path, place, flags))
    assert (machine.throttled, machine.under_voltage) == (throttled, weak)


def test_firmware_that_speaks_nonsense_says_nothing(tmp_path: Path) -> None:
    machine = read_machine(NOW, put(tmp_path, FIRMWARE, "n/a\n"))
    assert (machine.throttled, machine.under_voltage) == (None, None)


def test_the_voltage_sensor_of_a_newer_kernel(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "nvme\n")
    put(tmp_path, "sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    assert read_machine(NOW, tmp_path).under_voltage is False
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    assert read_machine(NOW, tmp_path).under_voltage is True


def test_a_fan_that_runs_is_no_throttling(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/thermal/cooling_device0/type", "pwm-fan\n")
    put(tmp_path, "sys/class/thermal/cooling_device0/cur_state", "3\n")
    assert read_machine(NOW, tmp_path).throttled is None
    put(tmp_path, "sys/class/thermal/cooling_device1/type", "Processor\n")
    put(tmp_path, "sys/class/thermal/cooling_device1/cur_state", "0\n")
    assert read_machine(NOW, tmp_path).throttled is False
    put(tmp_path, "sys/class/thermal/cooling_device1/cur_state", "2\n")
    assert read_machine(NOW, tmp_path).throttled is True


def test_memory_and_its_pressure(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", "MemTotal:        3884000 kB\nMemFree: 1 kB\nMemAvailable:     250000 kB\n")
    some = "some avg10=50.00 avg60=40.00 avg300=3.00 total=1\n"
    put(tmp_path, "proc/pressure/memory", some + "full avg10=1.00 avg60=12.50 avg300=0.40 total=1\n")
    machine = read_machine(NOW, tmp_path)
    assert machine.memory_free_bytes == 256_000_000
    assert machine.memory_pressure == 12.5


def test_a_clock_is_kept_by_the_network_or_by_a_battery(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/rtc/rtc0/since_epoch", "3600\n")
    assert not read_machine(NOW, tmp_path).clock_kept, "the battery is empty"
    put(tmp_path, "sys/class/rtc/rtc1/since_epoch", str(int(NOW) - 5))
    assert read_machine(NOW, tmp_path).clock_kept
    (tmp_path / "sys/class/rtc/rtc1/since_epoch").unlink()
    put(tmp_path, "run/systemd/timesync/synchronized", "")
    assert read_machine(NOW, tmp_path).clock_kept


def test_the_space_of_a_disk(tmp_path: Path) -> None:
    assert (free_bytes(tmp_path) or 0) > 0
    assert free_bytes(tmp_path / "nowhere") is None
