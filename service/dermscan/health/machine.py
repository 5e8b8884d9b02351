"""What the machine says of itself: heat, supply, memory, disk, clock. It reads files of the kernel and changes none.

What a machine does not tell is None. On a Raspberry Pi the firmware's word is a file that everybody may read; no root
and no `vcgencmd` is needed.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

UNDER_VOLTAGE_BIT = 0
FREQUENCY_CAPPED_BIT = 1
THROTTLED_BIT = 2
"""Bits of get_throttled that say what is the case now (Raspberry Pi documentation, vcgencmd)."""

THERMAL_DRIVERS = re.compile(r"(?i)processor|cpufreq|cpu-.*cluster|gpu|thermal-cpu")
"""Kinds of cooling devices that slow the processor down; a fan is none."""

BATTERY_CLOCK_TOLERANCE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Machine:
    """Readings of one moment.

    Attributes:
        temperature_c: The hottest thermal zone, degrees Celsius.
        throttled: Whether the processor is slowed down by heat or supply.
        under_voltage: Whether the supply's voltage is too low.
        memory_free_bytes: Memory that can be had without swapping.
        memory_pressure: Per cent of the last minute in which all work waited for memory.
        clock_kept: Whether timesyncd or a clock with a battery says that the time is right.
    """

    temperature_c: float | None
    throttled: bool | None
    under_voltage: bool | None
    memory_free_bytes: int | None
    memory_pressure: float | None
    clock_kept: bool


def read_machine(now_s: float, root: Path = Path("/")) -> Machine:
    """Read what there is to read.

    Args:
        now_s: The time by the system's clock, seconds since 1970.
        root: Where `sys`, `proc` and `run` lie.
    """
    flags = firmware_flags(root)
    return Machine(
        temperature_c=temperature_c(root),
        throttled=_throttled(flags, root),
        under_voltage=_under_voltage(flags, root),
        memory_free_bytes=memory_free_bytes(root),
        memory_pressure=memory_pressure(root),
        clock_kept=clock_kept(now_s, root),
    )


def temperature_c(root: Path) -> float | None:
    """The hottest thermal zone, degrees Celsius; a zone that is switched off or broken does not count."""
    read = [_number(path) for path in root.glob("sys/class/thermal/thermal_zone*/temp")]
    plausible = [value / 1000 for value in read if value is not None and -40_000 < value < 200_000]
    return max(plausible, default=None)


def firmware_flags(root: Path) -> int | None:
    """What the Raspberry Pi's firmware says of heat and supply, as `vcgencmd get_throttled` prints it."""
    for path in root.glob("sys/devices/platform/soc*/*firmware/get_throttled"):
        with suppress(ValueError):
            return int(_line(path), 16)
    return None


def _throttled(flags: int | None, root: Path) -> bool | None:
    if flags is not None:
        return bool(flags & (1 << FREQUENCY_CAPPED_BIT | 1 << THROTTLED_BIT))
    states = [
        _number(device / "cur_state")
        for device in root.glob("sys/class/thermal/cooling_device*")
        if THERMAL_DRIVERS.search(_line(device / "type"))
    ]
    known = [state for state in states if state is not None]
    return any(state > 0 for state in known) if known else None


def _under_voltage(flags: int | None, root: Path) -> bool | None:
    if flags is not None:
        return bool(flags & 1 << UNDER_VOLTAGE_BIT)
    alarms = [
        _number(sensor / "in0_lcrit_alarm")
        for sensor in root.glob("sys/class/hwmon/hwmon*")
        if _line(sensor / "name") == "rpi_volt"
    ]
    known = [alarm for alarm in alarms if alarm is not None]
    return any(known) if known else None


def memory_free_bytes(root: Path) -> int | None:
    """MemAvailable of proc(5)."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", _text(root / "proc/meminfo"), re.MULTILINE)
    return None if found is None else int(found[1]) * 1024


def memory_pressure(root: Path) -> float | None:
    """Per cent of the last minute in which all tasks waited for memory (Linux's pressure stall information, `full`)."""
    found = re.search(r"^full .*?avg60=(\d+\.\d+)", _text(root / "proc/pressure/memory"), re.MULTILINE)
    return None if found is None else float(found[1])


def clock_kept(now_s: float, root: Path) -> bool:
    """Whether systemd-timesyncd has set the clock since the start, or a clock with a battery agrees with it."""
    if (root / "run/systemd/timesync/synchronized").exists():
        return True
    kept = [_number(path) for path in root.glob("sys/class/rtc/rtc*/since_epoch")]
    return any(value is not None and abs(value - now_s) <= BATTERY_CLOCK_TOLERANCE_S for value in kept)


def free_bytes(folder: Path) -> int | None:
    """Bytes that the disk of a folder has left for this user, None when it cannot be told."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize


def _text(path: Path) -> str:
    """A small file's text, empty when it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _line(path: Path) -> str:
    return _text(path).strip()


def _number(path: Path) -> int | None:
    text = _line(path)
    return int(text) if re.fullmatch(r"-?\d{1,15}", text) else None
