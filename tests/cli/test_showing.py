"""What `dermscan history show` says of a scan besides its risk: its millimetres, its ruler, its camera."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from appliance import Appliance
from clinic import drawn_scan
from dermscan.calibration.ruler import Ruler, RulerVerdict
from dermscan.cli.history import _ruler_text
from dermscan.cli.main import app
from dermscan.domain import CameraState, Frame
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings

RULER = Ruler(20.0, 9, 0.95)
TAKEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAMERA = CameraState("v4l2", "/dev/video0", exposure_s=0.0125, analogue_gain=2.0, focus=3.5)


def shown(appliance: Appliance, frame: Frame) -> str:
    """What the command prints of a scan of this frame."""
    scan_id = str(uuid.UUID(int=0x1234 << 96, version=4))
    key = load_master_key(HistorySettings(folder=appliance.history, key_file=appliance.key_file))
    with History.open(appliance.history, key) as history:
        history.file_scan(replace(drawn_scan(), scan_id=scan_id, frame=frame))
    words = ["--settings", str(appliance.write_settings()), "history", "show", scan_id]
    return " ".join(CliRunner().invoke(app, words, env={"COLUMNS": "200"}).output.replace("│", " ").split())


def test_a_scan_says_its_scale_and_its_camera(appliance: Appliance) -> None:
    pixels = drawn_scan().frame.pixels
    said = shown(appliance, Frame(pixels, 0, 0.0, TAKEN, 0.05, camera=CAMERA, calibration_id="ab" * 32))
    assert "0.05000 mm per pixel, from calibration abababababab" in said
    assert "v4l2 /dev/video0, exposure 12.5 ms, gain 2.00, focus 3.5" in said


def test_a_scan_without_a_scale_says_none(appliance: Appliance) -> None:
    said = shown(appliance, Frame(drawn_scan().frame.pixels, 0, 0.0, TAKEN))
    assert "Scale none" in said
    assert "Camera not recorded" in said


@pytest.mark.parametrize(
    ("verdict", "ruler", "mm_per_pixel", "text"),
    [
        (RulerVerdict.NO_RULER, None, 0.05, "none that can be read"),
        (RulerVerdict.NO_SCALE, RULER, None, "marks every 20.0 pixels; there is no scale to check"),
        (RulerVerdict.AGREES, RULER, 0.05, "marks every 20.0 pixels, 1.00 mm by the scale: they agree"),
        (
            RulerVerdict.DISAGREES,
            RULER,
            0.07,
            "marks every 20.0 pixels, 1.40 mm by the scale, which no ruler has: do not trust the millimetres",
        ),
    ],
)
def test_what_a_ruler_says(verdict: RulerVerdict, ruler: Ruler | None, mm_per_pixel: float | None, text: str) -> None:
    assert _ruler_text(verdict, ruler, mm_per_pixel) == text
