"""The settings of the camera, and the form that every section of the settings has."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, model_validator

STRETCH = 0.01
"""Greatest difference in shape between a still and a live frame, as a share."""

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A table of the settings file: what it does not know is an error, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FaultSettings(Section):
    """Faults that the replay camera injects, for tests and demonstrations."""

    blur: Fraction = Field(0.0, title="Blur", description="Share of frames that are out of focus.")
    darkness: Fraction = Field(0.0, title="Darkness", description="Share of frames that are too dark.")
    shake: Fraction = Field(0.0, title="Shake", description="Share of frames that are shifted as by a moving hand.")
    stall_after_s: float | None = Field(None, gt=0, title="Stall", description="Seconds until the camera falls silent.")
    disconnect_after_s: float | None = Field(
        None, gt=0, title="Disconnect", description="Seconds until the camera is unplugged."
    )
    seed: int = Field(0, title="Seed", description="Makes the faults the same at every run.")


class CameraSettings(Section):
    """The camera and how it is driven."""

    backend: Literal["picamera2", "v4l2", "gstreamer", "network", "replay", "phantom"] = Field(
        "picamera2",
        title="Backend",
        description="picamera2 on a Raspberry Pi, v4l2 for USB, gstreamer for a Jetson's camera port, network for a "
        "dermatoscope with an address, replay of files, or the rendered phantom.",
    )
    device: str = Field(
        "0",
        title="Device",
        description="Number of the picamera2 or Jetson camera, or number or path (/dev/video0) of the V4L2 one.",
    )
    pipeline: str | None = Field(
        None,
        min_length=1,
        max_length=2000,
        title="Pipeline",
        description="GStreamer elements that give raw pictures, for gstreamer; none: the Jetson's own camera.",
    )
    url: str | None = Field(
        None,
        pattern=r"^(http|rtsp)://[^\s]+$",
        max_length=500,
        title="URL",
        description="Where a networked dermatoscope streams, for network: Motion JPEG over HTTP, or RTSP.",
    )
    allowed_address: IPvAnyAddress | None = Field(
        None,
        title="Allowed address",
        description="The one address that network may speak to; the URL must name it. Without it there is no network.",
    )
    lock_exposure: bool = Field(
        False,
        title="Lock exposure",
        description="Whether exposure and white balance stay as they have settled after opening (picamera2, v4l2).",
    )
    source: Path | None = Field(None, title="Source", description="Folder of images or video file to replay.")
    width: int = Field(1280, ge=160, le=8192, title="Width", description="Width of a frame in pixels.")
    height: int = Field(960, ge=120, le=8192, title="Height", description="Height of a frame in pixels.")
    still_width: int | None = Field(
        None,
        ge=160,
        le=16384,
        multiple_of=2,
        title="Still's width",
        description="Width of the picture that a scan takes, for picamera2, such as the sensor's own; none: a frame's.",
    )
    still_height: int | None = Field(
        None, ge=120, le=16384, multiple_of=2, title="Still's height", description="Its height; both or none."
    )
    rate_hz: float = Field(10.0, gt=0, le=120, title="Rate", description="Frames a second.")
    dwell_s: float = Field(
        4.0, gt=0, le=3600, title="Dwell", description="Seconds for which the replay of a folder shows each image."
    )
    loop: bool = Field(True, title="Loop", description="Whether a replay begins again at its end.")
    stall_s: float = Field(
        3.0, gt=0, le=60, title="Stall", description="Seconds of silence after which the camera is opened anew."
    )
    reopen_attempts: int = Field(
        5,
        ge=0,
        le=100,
        title="Reopen attempts",
        description="Attempts to open a camera that fell silent before the service restarts.",
    )
    mm_per_pixel: float | None = Field(
        None,
        gt=0,
        le=10,
        title="Scale",
        description="Millimetres per pixel of a fixed-distance lens; a calibration goes before it; none: uncalibrated.",
    )
    correct_colors: bool = Field(
        False,
        title="Colours",
        description="Whether a calibration also corrects the colours; they get only as true as the target's print.",
    )
    seed: int = Field(0, ge=0, title="Seed", description="Makes the phantom the same at every run.")
    faults: FaultSettings = Field(default_factory=FaultSettings, title="Faults", description="Injected faults.")

    @property
    def takes_stills(self) -> bool:
        """Whether a scan takes a larger picture than the live frames are."""
        return self.still_width is not None

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the picture that a scan takes."""
        return self.still_width or self.width, self.still_height or self.height

    @model_validator(mode="after")
    def _still_fits(self) -> Self:
        """A still shows what the live frames show: the same view, larger."""
        if (self.still_width is None) != (self.still_height is None):
            message = "still_width and still_height go together"
            raise ValueError(message)
        if not self.takes_stills:
            return self
        if self.backend != "picamera2":
            message = "still_width and still_height are for picamera2 only"
            raise ValueError(message)
        across, down = self.picture_size[0] / self.width, self.picture_size[1] / self.height
        if min(across, down) < 1 or abs(across / down - 1) > STRETCH or self.width % 2 or self.height % 2:
            message = "the still must be at least as large as a frame and of its shape, and a frame's sides even"
            raise ValueError(message)
        return self
