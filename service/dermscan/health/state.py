"""The small file in which the service says how it is. It holds numbers and words of closed vocabularies only."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dermscan.bus.events import HealthCode, WorkState
from dermscan.errors import DeviceNotRunning

STATE_VERSION: Final = 1
READABLE = 0o644
"""Everybody may read it: nothing in it is private."""

STALE_S = 60.0
"""Seconds after which a state says nothing about now any more."""

Number = Annotated[float, Field(allow_inf_nan=False)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Words = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
Release = Annotated[str, Field(pattern=r"^[0-9a-z.+]{1,40}$")]


class DeviceState(BaseModel):
    """How the device is, at one moment.

    Attributes:
        state_version: Version of this form.
        written_s: When, in seconds of the machine's monotonic clock, which all its processes share and nobody sets.
        software: Version of the software.
        bundle: SHA-256 of the bundle's manifest.
        key: How well the history's key is kept.
        state: How the work stands.
        codes: What is wrong now, or was within the last hour on the bus.
        broker: Whether the broker is connected.
        uptime_s: Seconds since the service started.
        scans_filed: Scans filed since then.
        scans_failed: Scans broken off because of the device.
        frames_seen: Frames that the camera gave.
        frames_refused: Frames that the quality gate refused.
        camera_losses: How often the camera was lost or fell silent.
        commands_refused: Commands refused.
        coalesced: Payloads that were overtaken or fell out because the broker was away or slow.
        frame_rate_hz: Frames a second, over the last seconds.
        frame_rate_wanted_hz: What the settings ask for.
        analysis_s: Seconds that the last scan took.
        analysis_longest_s: Seconds that the longest one took.
        temperature_c: Degrees Celsius.
        throttled: Whether the processor is slowed down.
        under_voltage: Whether the supply is too weak.
        memory_free_bytes: Memory that can be had.
        memory_pressure: Per cent of the last minute in which all work waited for memory.
        storage_free_bytes: What the history's disk has left.
        clock_kept: Whether something keeps the clock right.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    state_version: Literal[1] = STATE_VERSION
    written_s: Number
    software: Release
    bundle: Hash | None = None
    key: Words | None = None
    state: WorkState
    codes: tuple[HealthCode, ...] = ()
    broker: bool = False
    uptime_s: Number = 0
    scans_filed: int = 0
    scans_failed: int = 0
    frames_seen: int = 0
    frames_refused: int = 0
    camera_losses: int = 0
    commands_refused: int = 0
    coalesced: int = 0
    frame_rate_hz: Number | None = None
    frame_rate_wanted_hz: Number | None = None
    analysis_s: Number | None = None
    analysis_longest_s: Number | None = None
    temperature_c: Number | None = None
    throttled: bool | None = None
    under_voltage: bool | None = None
    memory_free_bytes: int | None = None
    memory_pressure: Number | None = None
    storage_free_bytes: int | None = None
    clock_kept: bool | None = None


def write_whole(path: Path, text: str) -> None:
    """Put a text in a file's place at one stroke, readable by everybody; a reader sees the old one or the new one.

    Raises:
        OSError: It cannot be written; the old file stays.
    """
    waiting = path.with_name(f".{path.name}.new")
    waiting.unlink(missing_ok=True)
    descriptor = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, READABLE)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            os.fchmod(file.fileno(), READABLE)
        waiting.replace(path)
    except OSError:
        with suppress(OSError):
            waiting.unlink()
        raise


def read_state(path: Path) -> DeviceState:
    """Read what the service has written.

    Args:
        path: Where it writes its state.

    Raises:
        DeviceNotRunning: There is no such file, or it is no state of this software's form.
    """
    try:
        return DeviceState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DeviceNotRunning(problem="it has written no state; start it with `systemctl start dermscan`") from None
    except OSError as error:
        raise DeviceNotRunning(problem=f"its state cannot be read: {error.strerror}") from None
    except ValidationError:
        raise DeviceNotRunning(problem="its state is not of this software's form; start it anew") from None
