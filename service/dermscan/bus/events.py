"""Every word the bus knows, as types: closed enums and bounded integers only, so that nothing private can be said.

There is no field that could hold a name, a note, a diagnosis, a risk or a pixel; a test walks the schemas and proves
it. `seq` is stamped by the publisher; whoever makes a payload leaves it alone.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, field_serializer

from dermscan.domain import RejectReason

SCHEMA_VERSION: Final = 1
"""Version of the payloads' form. A consumer ignores what it does not know and refuses a greater version."""

COUNT_MAX = 2**31 - 1
"""Greatest counter; what would exceed it stays there, except `seq`, which begins again at 0."""

COMMAND_MAX_BYTES = 256
"""Longest command that is looked at."""


def _no_boolean(version: object) -> object:
    """JSON's true would pass for 1, as it does in Python."""
    if isinstance(version, bool):
        message = "a version is a number"
        raise ValueError(message)  # noqa: TRY004 - pydantic takes a ValueError for a refusal, a TypeError for a defect
    return version


Count = Annotated[int, Field(ge=0, le=COUNT_MAX)]
Version = Annotated[Literal[1], BeforeValidator(_no_boolean)]
Ticket = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{64}$")]


class Availability(StrEnum):
    """Whether the scanner is there at all: the plain payload of `availability`, and `OFFLINE` is its will."""

    ONLINE = "online"
    STOPPED = "stopped"
    OFFLINE = "offline"


class WorkState(StrEnum):
    """How the work stands."""

    STARTING = "starting"
    READY = "ready"
    FRAMING = "framing"
    HOLD_STILL = "hold_still"
    ANALYSING = "analysing"
    DONE = "done"
    FAULT = "fault"
    PAUSED = "paused"
    STOPPING = "stopping"


class HealthCode(StrEnum):
    """What a technician should know."""

    CAMERA_STALLED = "camera_stalled"
    CAMERA_LOST = "camera_lost"
    BUNDLE_REFUSED = "bundle_refused"
    ACCELERATOR_REFUSED = "accelerator_refused"
    STORAGE_FULL = "storage_full"
    STORAGE_LOW = "storage_low"
    HISTORY_UNAVAILABLE = "history_unavailable"
    KEY_WEAK = "key_weak"
    BROKER_WAS_AWAY = "broker_was_away"
    BROKER_RESTRICTS = "broker_restricts"
    IDENTITY_IN_USE = "identity_in_use"
    COMMANDS_REFUSED = "commands_refused"
    CLOCK_UNSET = "clock_unset"
    ANALYSIS_SLOW = "analysis_slow"
    ANALYSIS_FAILED = "analysis_failed"
    LOW_MEMORY = "low_memory"
    TOO_HOT = "too_hot"
    THROTTLED = "throttled"
    UNDER_VOLTAGE = "under_voltage"
    CAMERA_SLOW = "camera_slow"
    SAFE_MODE = "safe_mode"


class CommandRefusal(StrEnum):
    """Why a command was not carried out."""

    OVERSIZED = "oversized"
    RETAINED = "retained"
    MALFORMED = "malformed"
    DUPLICATE = "duplicate"
    TOO_MANY = "too_many"
    BUSY = "busy"
    NOT_READY = "not_ready"
    TICKET_REFUSED = "ticket_refused"
    NOTHING_TO_CANCEL = "nothing_to_cancel"


class Payload(BaseModel):
    """What every JSON payload of the device has.

    Attributes:
        schema_version: Version of the payload's form.
        seq: Number of the payload since the process started, over all topics; after `COUNT_MAX` comes 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)

    schema_version: Version = SCHEMA_VERSION
    seq: Count = 0


class Status(Payload):
    """What the bedside display shows.

    Attributes:
        state: How the work stands.
        guidance: What to mend about the picture, None when there is nothing.
        progress: Per cent of the analysis done.
    """

    state: WorkState
    guidance: RejectReason | None = None
    progress: Annotated[int, Field(ge=0, le=100)] = 0


_CodeList = Annotated[list[HealthCode], Field(max_length=len(HealthCode), json_schema_extra={"uniqueItems": True})]


class Health(Payload):
    """What a technician's overview shows.

    Attributes:
        codes: What is wrong now, or was within the last hour; empty when nothing is.
        scans_filed: Scans filed since the process started.
        frames_refused: Frames refused by the quality gate since the process started.
        commands_refused: Commands refused since the process started; the publisher fills it in.
        coalesced: Payloads that a newer one overtook, or events that fell out, because the broker was away or slow;
            the publisher fills it in.
        uptime_minutes: Whole minutes since the process started.
    """

    codes: Annotated[frozenset[HealthCode], Field(max_length=len(HealthCode))] = frozenset()
    scans_filed: Count = 0
    frames_refused: Count = 0
    commands_refused: Count = 0
    coalesced: Count = 0
    uptime_minutes: Count = 0

    @field_serializer("codes")
    def _ordered(self, codes: frozenset[HealthCode]) -> _CodeList:
        """The same codes are the same bytes, whatever the process's hash seed."""
        return sorted(codes)


class ScanStarted(Payload):
    """A scan began."""

    type: Literal["scan_started"] = "scan_started"


class ScanFinished(Payload):
    """A scan was filed. What it found is in the history and nowhere else."""

    type: Literal["scan_finished"] = "scan_finished"


class ScanRefused(Payload):
    """A scan was broken off because of the picture."""

    type: Literal["scan_refused"] = "scan_refused"
    reason: RejectReason


class ScanCancelled(Payload):
    """A commanded scan was broken off by a command before its picture was chosen; nothing was filed."""

    type: Literal["scan_cancelled"] = "scan_cancelled"


class ScanFailed(Payload):
    """A scan was broken off because of the device."""

    type: Literal["scan_failed"] = "scan_failed"
    code: HealthCode


class CameraLost(Payload):
    """The camera is gone or silent."""

    type: Literal["camera_lost"] = "camera_lost"


class CameraBack(Payload):
    """The camera sends frames again."""

    type: Literal["camera_back"] = "camera_back"


class CommandRefused(Payload):
    """A command was not carried out. At most one a second is published; `/health` counts all."""

    type: Literal["command_refused"] = "command_refused"
    code: CommandRefusal


Event = Annotated[
    ScanStarted | ScanFinished | ScanRefused | ScanCancelled | ScanFailed | CameraLost | CameraBack | CommandRefused,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads and describes any event."""


class Command(BaseModel):
    """What every command has.

    Attributes:
        schema_version: Version of the payload's form; it must be named.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_version: Version


class CommandScan(Command):
    """Start a scan now.

    Attributes:
        ticket: Opaque one-time ticket for a known lesion, None for the inbox. It means nothing outside the history.
    """

    ticket: Ticket | None = None


class CommandCancel(Command):
    """Break off the commanded scan that waits for a good picture. One that is being analysed is finished and filed."""
