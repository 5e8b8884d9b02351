"""The faults: how each is brought about, what bus and display must then say, and how it is mended."""

import os
import resource
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from soak.bed import Bed
from soak.keeper import WATCHDOG_S
from soak.wall_clock import DAY_S

KEY_UNAVAILABLE = 40
"""The exit code of a service without its key (docs/exit-codes.md)."""

RELOAD_S = 5.0
"""Seconds that reading the settings anew may take, with networks loaded and camera opened."""
SHOWN_S = 2.0
"""Seconds after the bus within which the display is right (docs/display.md)."""


def _nothing(_bed: Bed) -> None:
    """There is nothing to mend."""


@dataclass(frozen=True, slots=True)
class Before:
    """How it stood before a fault: scans filed, processes started."""

    scans: int
    lives: int


Told = Callable[[Bed, Before], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    Attributes:
        bring: Brings it about.
        told: Whether the bus, or the service itself, says what it must.
        told_s: Within so many seconds.
        shown: What the display must show meanwhile; empty where it need not change.
        mend: Ends it.
        well_s: Seconds after its end within which all must be well again and a scan be filed.
        possible: Whether it can be brought about here.
    """

    bring: Callable[[Bed], None]
    told: Told
    told_s: float
    shown: str = ""
    mend: Callable[[Bed], None] = _nothing
    well_s: float = 15.0
    possible: Callable[[Bed], bool] = lambda _bed: True


def _says(code: str, state: str = "") -> Told:
    return lambda bed, _before: code in bed.ear.codes and (not state or bed.ear.state == state)


def _guides(reason: str) -> Told:
    return lambda bed, _before: bed.ear.state == "framing" and bed.ear.guidance == reason


def _is_offline(bed: Bed, _before: Before) -> bool:
    return bed.ear.availability == "offline"


def _is_down(bed: Bed, _before: Before) -> bool:
    return not bed.keeper.alive


def _refuses_to_start(bed: Bed, before: Before) -> bool:
    return _is_down(bed, before) and bed.keeper.life.code == KEY_UNAVAILABLE


def _scans_on(bed: Bed, before: Before) -> bool:
    """Two scans more: the first may have been in hand."""
    return bed.history.count() >= before.scans + 2


def _scans_on_and_says(code: str) -> Told:
    return lambda bed, before: _says(code)(bed, before) and _scans_on(bed, before)


def _withstands_or_says_so(bed: Bed, before: Before) -> bool:
    """Small pictures may need no more than what is there already."""
    return _scans_on(bed, before) or bed.ear.state == "fault" or len(bed.keeper.lives) > before.lives


def _with_camera(**faults: float) -> Callable[[Bed], None]:
    return lambda bed: bed.reload(**faults)


def _well_camera(bed: Bed) -> None:
    bed.reload()


def _restart_broker(bed: Bed) -> None:
    bed.broker.stop(signal.SIGTERM)
    bed.broker.start()


def _lose_broker(bed: Bed) -> None:
    bed.broker.stop()


def _bring_broker(bed: Bed) -> None:
    bed.broker.start()


def _fill_disk(bed: Bed) -> None:
    """A tmpfs that is made as small as what lies in it."""
    assert bed.disk is not None
    disk = os.statvfs(bed.disk)
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    _resize(bed, f"{used + 8 * disk.f_frsize}")


def _give_room(bed: Bed) -> None:
    _resize(bed, "16g")


def _resize(bed: Bed, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(bed.disk)], check=True)


def _jump(days: int) -> Callable[[Bed], None]:
    return lambda bed: bed.clock.set(days * DAY_S)


def _kill(bed: Bed) -> None:
    bed.keeper.send(signal.SIGKILL)


def _stop_standing(bed: Bed) -> None:
    bed.keeper.send(signal.SIGSTOP)


def _rot(bed: Bed) -> None:
    """A byte in the midst of a network turns; the same again turns it back."""
    with bed.bundle_file().open("r+b") as file:
        file.seek(100_000)
        byte = file.read(1)[0]
        file.seek(100_000)
        file.write(bytes([byte ^ 0xFF]))
    bed.reload()


def _hide_key(bed: Bed) -> None:
    bed.appliance.key_file.rename(bed.folder / "key-away")
    bed.keeper.send(signal.SIGKILL)


def _bring_key(bed: Bed) -> None:
    (bed.folder / "key-away").rename(bed.appliance.key_file)
    bed.keeper.start()


def _end_in_order(bed: Bed) -> None:
    bed.keeper.send(signal.SIGTERM)


def _starve(bed: Bed) -> None:
    """No more address space: whatever asks the kernel for memory is refused."""
    _, most = resource.prlimit(bed.keeper.life.process.pid, resource.RLIMIT_AS)
    resource.prlimit(bed.keeper.life.process.pid, resource.RLIMIT_AS, (1 << 20, most))


def _feed(bed: Bed) -> None:
    _, most = resource.prlimit(bed.keeper.life.process.pid, resource.RLIMIT_AS)
    resource.prlimit(bed.keeper.life.process.pid, resource.RLIMIT_AS, (most, most))


FAULTS: dict[str, Fault] = {
    "camera_stall": Fault(
        _with_camera(stall_after_s=1.0), _says("camera_stalled", "fault"), RELOAD_S + 2.0, "fault", _well_camera
    ),
    "camera_unplugged": Fault(
        _with_camera(disconnect_after_s=1.0), _says("camera_lost", "fault"), RELOAD_S + 1.0, "fault", _well_camera
    ),
    "blur": Fault(_with_camera(blur=1.0), _guides("out_of_focus"), RELOAD_S + 2.0, "framing", _well_camera),
    "darkness": Fault(_with_camera(darkness=1.0), _guides("too_dark"), RELOAD_S + 2.0, "framing", _well_camera),
    "broker_restart": Fault(_restart_broker, lambda bed, _before: bed.well(), 5.0),
    "broker_away": Fault(_lose_broker, _scans_on, 10.0, "disconnected", _bring_broker),
    "disk_full": Fault(
        _fill_disk, _says("storage_full", "fault"), 10.0, "fault", _give_room, possible=lambda bed: bool(bed.disk)
    ),
    "clock_forward": Fault(_jump(400), _scans_on, 10.0, mend=_jump(0), possible=lambda bed: bed.clock.works),
    "clock_back": Fault(
        _jump(-3650), _scans_on_and_says("clock_unset"), 20.0, mend=_jump(0), possible=lambda bed: bed.clock.works
    ),
    "kill": Fault(_kill, _is_offline, 2.0, "offline"),
    "stand_still": Fault(_stop_standing, _is_offline, WATCHDOG_S + 2.0, "offline"),
    "restart": Fault(_end_in_order, _is_down, 5.0, "stopped", lambda bed: bed.keeper.start()),
    "key_away": Fault(_hide_key, _refuses_to_start, 20.0, "offline", _bring_key),
    "corrupt_bundle": Fault(_rot, _scans_on_and_says("bundle_refused"), RELOAD_S + 5.0, mend=_rot),
    "memory_short": Fault(_starve, _withstands_or_says_so, 20.0, mend=_feed),
}
