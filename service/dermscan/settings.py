"""The settings of one device: a TOML file read into bounded, described fields.

An unknown key is an error that names its line.
"""

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from dermscan.camera_settings import CameraSettings, Fraction, Section
from dermscan.errors import SettingsError

DEFAULT_PATH = Path("/etc/dermscan/settings.toml")
"""Where the appliance's settings lie."""

Label = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")]
Provider = Literal[
    "CPUExecutionProvider", "XnnpackExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
]
Model = TypeVar("Model", bound=BaseModel)


class DeviceSettings(Section):
    """The device itself."""

    label: Label = Field(
        "room-1",
        title="Label",
        description="The device's own name on the bus: small letters, digits and hyphens. Never a person's.",
    )


class QualitySettings(Section):
    """What the quality gate lets through."""

    min_focus: float = Field(
        2.5, ge=0, title="Focus", description="Least sharpness at the lesion; see docs/quality-gate.md for the measure."
    )
    min_exposure: Fraction = Field(0.17, title="Darkest", description="Least mean luminance.")
    max_exposure: Fraction = Field(0.85, title="Brightest", description="Greatest mean luminance.")
    max_glare: Fraction = Field(0.06, title="Glare", description="Greatest share of specular highlights on the lesion.")
    max_motion: float = Field(
        1.0, ge=0, le=100, title="Motion", description="Greatest shift between frames, per cent of the diagonal."
    )
    min_lesion_share: Fraction = Field(
        0.004, title="Smallest", description="Least area of the region of interest, share of the frame."
    )
    max_cut_off: Fraction = Field(
        0.5, title="Cut off", description="Greatest share of the region's perimeter on the frame's edge."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_exposure >= self.max_exposure:
            message = "min_exposure must be less than max_exposure"
            raise ValueError(message)
        return self


class ScanSettings(Section):
    """When a scan starts and what it takes."""

    automatic: bool = Field(True, title="Automatic", description="Whether a lesion held still starts a scan by itself.")
    hold_still_s: float = Field(
        1.2, ge=0.1, le=30, title="Hold still", description="Seconds for which a lesion must be still and sharp."
    )
    min_iou: Fraction = Field(
        0.7, title="Stillness", description="Least overlap of the region of interest from frame to frame."
    )
    burst_frames: int = Field(5, ge=1, le=60, title="Burst", description="Frames of which the sharpest is assessed.")
    done_s: float = Field(
        2.0, ge=0, le=600, title="Done", description="Seconds for which the display says that the scan is done."
    )


class ModelSettings(Section):
    """The model bundle and how it is run."""

    bundle: Path | None = Field(
        None,
        title="Bundle",
        description="Folder of the model bundle; none: the installed one, else the one that came with the software.",
    )
    store: Path = Field(
        Path("/var/lib/dermscan/bundles"), title="Store", description="Where `dermscan bundle install` keeps bundles."
    )
    keys: Path = Field(
        Path("/etc/dermscan/bundle-keys.d"),
        title="Keys",
        description="Folder of public keys (*.pub) of makers whose bundles are trusted, beside the software's own.",
    )
    unsigned: bool = Field(
        False, title="Unsigned", description="For development: whether the bundle that `bundle` names may be unsigned."
    )
    threads: int = Field(2, ge=1, le=64, title="Threads", description="Threads of an inference.")
    providers: tuple[Provider, ...] = Field(
        ("CPUExecutionProvider",),
        min_length=1,
        title="Providers",
        description="ONNX Runtime providers, best first: CPUExecutionProvider, XnnpackExecutionProvider, "
        "CUDAExecutionProvider, TensorrtExecutionProvider. Each proves itself at the start; the CPU stands in.",
    )


class RetentionSettings(Section):
    """What may be deleted, oldest first; see docs/history.md. Nothing is when both are left out."""

    max_age_days: int | None = Field(
        None, ge=1, le=36_500, title="Greatest age", description="Days after which a scan is deleted."
    )
    min_free_mb: int | None = Field(
        None, ge=1, le=100_000_000, title="Least free space", description="Megabytes that are kept free on the disk."
    )


class HistorySettings(Section):
    """The encrypted history."""

    folder: Path = Field(
        Path("/var/lib/dermscan"), title="Folder", description="Where the encrypted database and pictures lie."
    )
    key_file: Path | None = Field(
        None,
        title="Key file",
        description="For development. The appliance uses the systemd credential `dermscan-master-key` instead.",
    )
    retention: RetentionSettings = Field(
        default_factory=RetentionSettings, title="Retention", description="What may be deleted when it is old."
    )


class BusSettings(Section):
    """The local MQTT broker."""

    enabled: bool = Field(True, title="Enabled", description="Whether status is published at all.")
    transport: Literal["unix", "tcp"] = Field("unix", title="Transport", description="How the broker is reached.")
    socket: Path = Field(
        Path("/run/dermscan-broker/mqtt.sock"), title="Socket", description="The broker's Unix socket."
    )
    host: str = Field("127.0.0.1", min_length=1, title="Host", description="The broker's host, for the tcp transport.")
    port: int = Field(1883, ge=1, le=65535, title="Port", description="The broker's port, for the tcp transport.")
    username: str | None = Field(None, title="User", description="Name by which the broker knows this device.")
    password_file: Path | None = Field(
        None,
        title="Password file",
        description="File with the password; none: the systemd credential `dermscan-bus-password`, if there is one.",
    )
    ca_file: Path | None = Field(
        None, title="CA file", description="Certificate authority of the broker; set it to use TLS over tcp."
    )
    certificate_file: Path | None = Field(None, title="Certificate", description="This device's client certificate.")
    certificate_key_file: Path | None = Field(None, title="Certificate key", description="Key of that certificate.")
    home_assistant: bool = Field(
        False,
        title="Home Assistant",
        description="Whether the device describes itself for Home Assistant's MQTT discovery; see docs/fleet.md.",
    )


class HealthSettings(Section):
    """What counts as healthy, and where the state is written for other programs."""

    state_file: Path = Field(
        Path("/run/dermscan/state.json"),
        title="State file",
        description="Where the service writes how it is, for `dermscan status`; nothing personal is in it. "
        "Where its folder does not exist nothing is written.",
    )
    metrics_file: Path | None = Field(
        None,
        title="Metrics file",
        description="Where the same is written as numbers for Prometheus, such as /run/dermscan/dermscan.prom.",
    )
    max_temperature_c: float = Field(
        82.0, ge=30, le=150, title="Hottest", description="Degrees Celsius from which the device is too hot."
    )
    min_free_mb: int = Field(
        200, ge=1, le=100_000_000, title="Least free space", description="Megabytes under which the disk runs short."
    )
    min_memory_mb: int = Field(
        100, ge=1, le=1_000_000, title="Least memory", description="Megabytes of memory under which it runs short."
    )
    min_rate_share: Fraction = Field(
        0.5, title="Slowest camera", description="Least share of `camera.rate_hz` at which frames must come."
    )
    max_analysis_s: float = Field(
        10.0, gt=0, le=300, title="Slowest analysis", description="Seconds from which an analysis is slow."
    )
    trust_clock: bool = Field(
        False,
        title="Trust the clock",
        description="Whether the clock is right although neither systemd-timesyncd nor a clock with a battery says so.",
    )


def _console_bus() -> BusSettings:
    return BusSettings(transport="tcp", username="console")


class ConsoleSettings(Section):
    """The clinician's console; see docs/console.md."""

    folder: Path = Field(
        Path("/var/lib/dermscan-console"), title="Folder", description="Where the people who may sign in are kept."
    )
    host: str = Field("127.0.0.1", min_length=1, title="Host", description="Address that is listened on.")
    port: int = Field(8443, ge=0, le=65535, title="Port", description="Port that is listened on; 0 takes a free one.")
    name: str | None = Field(
        None, title="Name", description="Name by which browsers reach the console, where it is not its address."
    )
    certificate_file: Path | None = Field(
        None, title="Certificate", description="TLS certificate; needed wherever `host` is not loopback."
    )
    certificate_key_file: Path | None = Field(None, title="Certificate key", description="Key of that certificate.")
    idle_s: float = Field(
        300.0, ge=10, le=3600, title="Idle", description="Seconds without a touch after which the screen is locked."
    )
    session_hours: float = Field(
        10.0, gt=0, le=24, title="Session", description="Hours after which everybody signs in anew."
    )
    follow_up_days: int = Field(
        90, ge=1, le=3650, title="Follow-up", description="Days after its last scan when a lesion is due again."
    )
    export_folder: Path | None = Field(
        None, title="Export folder", description="Where exports are written; none: nothing can be exported."
    )
    bus: BusSettings = Field(
        default_factory=_console_bus, title="Bus", description="How the console reaches the broker."
    )

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.host not in {"127.0.0.1", "::1", "localhost"} and self.certificate_file is None:
            message = "beyond loopback the console needs certificate_file"
            raise ValueError(message)
        if self.certificate_file is not None and self.certificate_key_file is None:
            message = "certificate_file needs certificate_key_file"
            raise ValueError(message)
        return self


class GpioSettings(Section):
    """A button and a light at the board's pins."""

    button_pin: int | None = Field(
        None,
        ge=0,
        le=53,
        title="Button",
        description="Number (BCM) of the pin that a button joins to ground; pressing it starts a scan.",
    )
    light_pin: int | None = Field(
        None,
        ge=0,
        le=53,
        title="Light",
        description="Number (BCM) of the pin that lights the lesion while the device looks for one or scans it.",
    )


class Settings(Section):
    """All settings of one device."""

    device: DeviceSettings = Field(default_factory=DeviceSettings)
    camera: CameraSettings = Field(default_factory=CameraSettings)
    quality: QualitySettings = Field(default_factory=QualitySettings)
    scan: ScanSettings = Field(default_factory=ScanSettings)
    models: ModelSettings = Field(default_factory=ModelSettings)
    history: HistorySettings = Field(default_factory=HistorySettings)
    bus: BusSettings = Field(default_factory=BusSettings)
    console: ConsoleSettings = Field(default_factory=ConsoleSettings)
    health: HealthSettings = Field(default_factory=HealthSettings)
    gpio: GpioSettings = Field(default_factory=GpioSettings)

    def assessment_hash(self) -> str:
        """SHA-256, hexadecimal, of the settings that influence an assessment: those of the quality gate."""
        return hashlib.sha256(self.quality.model_dump_json().encode()).hexdigest()


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        path: The TOML file. None reads `DEFAULT_PATH` where it exists and takes the defaults where it does not.

    Raises:
        SettingsError: The file cannot be read, is not TOML, or holds an unknown or impossible value.
    """
    if path is None:
        if not DEFAULT_PATH.exists():
            return Settings()
        path = DEFAULT_PATH
    return read_toml(path, Settings)


def read_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a model.

    Args:
        path: The file.
        model: What it must hold.

    Raises:
        SettingsError: The file cannot be read, is not TOML, or holds an unknown or impossible value.
    """
    text = _read(path)
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(problem=f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        raise SettingsError(problem=_first_problem(path, text, error)) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets in brackets without end
        raise SettingsError(problem=f"{path} holds a value that cannot be read") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SettingsError(problem=f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise SettingsError(problem=f"{path} cannot be read: {error.strerror}") from None


def _first_problem(path: Path, text: str, error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    keys = [str(part) for part in first["loc"]]
    what = "unknown setting" if first["type"] == "extra_forbidden" else first["msg"]
    return f"{path}, line {_line_of(text, keys)}: {'.'.join(keys)}: {what}"


def _line_of(text: str, keys: list[str]) -> int:
    """Line of the most deeply nested of the keys that the text spells out, from 1."""
    line = 1
    section: list[str] = []
    for number, content in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", content)
        if header:
            section = [part.strip().strip("\"'") for part in header[1].split(".")]
            if section == keys[: len(section)]:
                line = number
            continue
        entry = re.match(r"\s*([\w.\"'-]+)\s*=", content)
        if (
            entry
            and section + [part.strip("\"'") for part in entry[1].split(".")]
            == keys[: len(section) + entry[1].count(".") + 1]
        ):
            line = number
    return line
