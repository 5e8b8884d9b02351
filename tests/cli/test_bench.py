"""`dermscan bench`, as a person runs it: real models, and a real service that gets ready."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance import Appliance
from dermscan.bench import live, measuring
from dermscan.bench.pictures import scan_frames
from dermscan.bundle.loading import Bundle
from dermscan.cli.cold_start import cold_start_s
from dermscan.cli.main import app
from dermscan.errors import DermscanError
from dermscan.settings import ModelSettings


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live loop of three looks."""
    for module in (live, measuring):
        monkeypatch.setattr(module, "LOOKS", 3)


@pytest.fixture
def one_picture(bundle: Bundle, tmp_path: Path) -> Path:
    """A folder with one small picture of a lesion."""
    (tmp_path / "pictures").mkdir()
    shutil.copy(bundle.path(bundle.manifest.golden[0].image), tmp_path / "pictures" / "lesion.png")
    return tmp_path / "pictures"


@pytest.mark.usefixtures("short")
def test_everything_is_measured_and_the_service_gets_ready(appliance: Appliance, one_picture: Path) -> None:
    settings = str(appliance.write_settings())
    wanted = ["--frames", str(one_picture), "--rounds", "1", "--starts", "1", "--json"]
    done = CliRunner().invoke(app, ["--settings", settings, "bench", *wanted], catch_exceptions=False)
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert set(said["contenders"][0]["stages_ms"]) == {"roi", "quality", "segment", "features", "classify", "total"}
    assert len(said["cold_start_s"]) == 1
    assert said["cold_start_s"][0] > 0


@pytest.mark.usefixtures("short")
def test_a_person_reads_a_table(appliance: Appliance, one_picture: Path) -> None:
    settings = str(appliance.write_settings())
    wanted = ["--frames", str(one_picture), "--rounds", "1", "--starts", "0"]
    done = CliRunner().invoke(app, ["--settings", settings, "bench", *wanted])
    assert "share of the machine's peak" in done.stdout
    assert "frames/s" in done.stdout


def test_a_service_that_does_not_get_ready_says_why(one_picture: Path) -> None:
    (frame,) = scan_frames(one_picture, 1)
    with pytest.raises(DermscanError, match="no model bundle at"):
        cold_start_s(ModelSettings(bundle=one_picture), frame)
