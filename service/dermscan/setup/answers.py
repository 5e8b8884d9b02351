"""What a technician answers, the same for a file and for a conversation. Nothing is tried or written here."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dermscan.camera_settings import CameraSettings
from dermscan.settings import BusSettings, DeviceSettings, HealthSettings, HistorySettings, Settings

SECTIONS = ("device", "camera", "bus", "history", "health")
"""Sections of the settings that setup may fill in."""

KeyPlace = Literal["sealed", "tpm2", "host", "file", "later"]


class KeyAnswers(BaseModel):
    """Where the history's key shall lie, if there is none yet.

    Attributes:
        place: `sealed`: a systemd credential, in the TPM2 where there is one; `tpm2` or `host` insist on one of both;
            `file`: the key file of `history.key_file`, for development; `later`: make none.
        recovery_words: A new file for the recovery words, mode 0600; None makes none without a person to read them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: KeyPlace = "sealed"
    recovery_words: Path | None = None


class Answers(BaseModel):
    """Everything that setup needs to know. What is left out stays as it is in the settings.

    Attributes:
        device: The device's own label.
        camera: Which camera, and how it is driven.
        bus: How the broker is reached, and by which identity.
        history: Where the history lies.
        health: What counts as healthy.
        key: Where the key shall lie.
        selftest: Whether the models must prove themselves.
        calibrate: Whether the printed target is before the camera and it shall be calibrated now.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: DeviceSettings = Field(default_factory=DeviceSettings)
    camera: CameraSettings = Field(default_factory=CameraSettings)
    bus: BusSettings = Field(default_factory=BusSettings)
    history: HistorySettings = Field(default_factory=HistorySettings)
    health: HealthSettings = Field(default_factory=HealthSettings)
    key: KeyAnswers = Field(default_factory=KeyAnswers)
    selftest: bool = True
    calibrate: bool = False

    def changes(self) -> dict[str, dict[str, Any]]:
        """What was answered, by section, as plain TOML values."""
        told = self.model_dump(mode="json", exclude_unset=True, include=set(SECTIONS))
        return {section: values for section, values in told.items() if values}


def merged(current: dict[str, Any], answers: Answers) -> dict[str, Any]:
    """The content of a settings file with the answers in it; what they do not name stays."""
    made = dict(current)
    for section, values in answers.changes().items():
        made[section] = _over(made.get(section, {}), values)
    Settings.model_validate(made)
    return made


def _over(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    made = dict(old)
    for key, value in new.items():
        nested = isinstance(value, dict) and isinstance(made.get(key), dict)
        made[key] = _over(made[key], value) if nested else value
    return {key: value for key, value in made.items() if value is not None}
