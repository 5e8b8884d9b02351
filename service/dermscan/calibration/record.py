"""A calibration as it is kept: a small JSON file, checked whole whenever it is read. It holds nothing personal."""

import hashlib
import json
import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from dermscan.camera_settings import CameraSettings
from dermscan.domain import Frame
from dermscan.errors import InputError, OutputError

FILE = "calibration.json"
FOCUS_SHARE = 0.03
"""Greatest difference of the lens's position, as a share, at which a calibration still holds."""
LEAST_FOCUS = 1.0
"""Position of the lens, in the driver's units, below which the share is taken of this one."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Triple = tuple[Finite, Finite, Finite]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LensRecord(_Part):
    """Radial distortion, where it was observed; see `scale.Lens`."""

    k1: Finite
    focal_px: Positive
    farthest_px: Finite


class ColorRecord(_Part):
    """White balance and colours; see `color.Color`."""

    gains: Triple
    matrix: tuple[Triple, Triple, Triple]
    delta_e_before: Finite
    delta_e_after: Finite
    patches: int


class Calibration(_Part):
    """What was measured, with which camera, and until when it holds."""

    version: Literal[1] = 1
    made_at: AwareDatetime
    valid_until: AwareDatetime
    backend: str
    device: str
    width: int
    height: int
    focus: Finite | None
    target: str
    frames: int
    mm_per_pixel: Positive
    mm_per_pixel_error: Positive
    tilt_deg: Finite
    color: ColorRecord
    lens: LensRecord | None

    @property
    def calibration_id(self) -> str:
        """SHA-256 of all of it, the first 32 hexadecimal digits: what changes it changes its identifier."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]


class CalibrationState(StrEnum):
    """Whether a calibration may be used, and why not."""

    VALID = "valid"
    NONE = "none"
    DAMAGED = "damaged"
    EXPIRED = "expired"
    OTHER_CAMERA = "other_camera"
    OTHER_RESOLUTION = "other_resolution"
    OTHER_FOCUS = "other_focus"


def state_of(calibration: Calibration, camera: CameraSettings, now: datetime) -> CalibrationState:
    """Whether a calibration holds for a camera as it is set.

    Args:
        calibration: The calibration.
        camera: The camera's settings.
        now: The time, UTC. Before the calibration was made it does not hold either: a clock is wrong.
    """
    if not calibration.made_at <= now < calibration.valid_until:
        return CalibrationState.EXPIRED
    if (calibration.backend, calibration.device) != (camera.backend, camera.device):
        return CalibrationState.OTHER_CAMERA
    if (calibration.width, calibration.height) != camera.picture_size:
        return CalibrationState.OTHER_RESOLUTION
    return CalibrationState.VALID


def state_for(calibration: Calibration, camera: CameraSettings, frame: Frame) -> CalibrationState:
    """Whether a calibration holds for a frame: as `state_of`, and of the size and the focus that it was made with."""
    state = state_of(calibration, camera, frame.taken_at)
    if state is not CalibrationState.VALID:
        return state
    if (calibration.width, calibration.height) != (frame.width, frame.height):
        return CalibrationState.OTHER_RESOLUTION
    focus = None if frame.camera is None else frame.camera.focus
    if calibration.focus is not None and focus is not None:
        near = abs(focus - calibration.focus) <= FOCUS_SHARE * max(abs(calibration.focus), LEAST_FOCUS)
        return CalibrationState.VALID if near else CalibrationState.OTHER_FOCUS
    return CalibrationState.VALID


def save_calibration(folder: Path, calibration: Calibration) -> Path:
    """Put a calibration in the place of an older one, whole or not at all.

    Args:
        folder: The device's state: the folder of the history.
        calibration: The calibration.

    Returns:
        The file.

    Raises:
        OutputError: It cannot be written.
    """
    path, draft = folder / FILE, folder / f"{FILE}.new"
    content = {"calibration_id": calibration.calibration_id, **calibration.model_dump(mode="json")}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write(json.dumps(content, indent=1) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
        _sync(folder)
    except OSError as error:
        raise OutputError(target=path, problem=error.strerror) from None
    return path


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_calibration(folder: Path) -> Calibration | None:
    """Read the calibration; None where none was made.

    Raises:
        InputError: The file cannot be read, is not what this software writes, or was changed.
    """
    path = folder / FILE
    try:
        content = json.loads(path.read_bytes())
        told = content.pop("calibration_id")
        calibration = Calibration.model_validate(content)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(source=path, problem=error.strerror) from None
    except (ValueError, KeyError, AttributeError, TypeError, ValidationError):
        raise InputError(source=path, problem="it is damaged; calibrate the camera again") from None
    if told != calibration.calibration_id:
        raise InputError(source=path, problem="it was changed after it was made; calibrate the camera again")
    return calibration
