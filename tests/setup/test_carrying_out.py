"""What setup does with its answers where something is missing: nothing is guessed, and the next step is said."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from appliance import Appliance
from dermscan.bundle.golden import GoldenResult
from dermscan.cli.main import app
from dermscan.cli.setup import _prove
from dermscan.errors import BundleSelfTestFailed, CalibrationRefused, SettingsError
from dermscan.history.keys import create_key_file
from dermscan.settings import Settings
from dermscan.setup.answers import Answers
from dermscan.setup.carrying_out import Finding, Helpers, carry_out, proposed

CAMERA = {"backend": "phantom", "width": 640, "height": 480, "rate_hz": 20}


@pytest.fixture
def bare(tmp_path: Path) -> Appliance:
    """A device with settings and nothing else: no broker, no key, no history."""
    made = Appliance(tmp_path)
    made.sections = {
        "camera": CAMERA,
        "history": {"folder": made.history, "key_file": made.key_file},
        "bus": {"enabled": False},
    }
    return made


def findings(bare: Appliance, **answers: Any) -> dict[str, Finding]:
    """What each step brought."""
    found: list[Finding] = []
    given = Answers.model_validate({"key": {"place": "later"}, "selftest": False} | answers)
    carry_out(given, bare.write_settings(), Helpers(found.append, lambda _: "proven", store=bare.folder / "store"))
    return {finding.step: finding for finding in found}


def test_without_a_broker_and_without_a_key_each_is_said(bare: Appliance) -> None:
    found = findings(bare)
    assert found["Broker"] == Finding("Broker", "not wanted")
    assert not found["Key"].well
    assert "does not start without one" in found["Key"].told
    assert not found["Recovery words"].well
    assert "dermscan keys init --recovery" in found["Recovery words"].told
    assert not bare.history.exists()


def test_recovery_words_are_not_made_where_nobody_reads_them(bare: Appliance) -> None:
    found = findings(bare, key={"place": "file"})
    assert found["Key"].told == "key file, owner only"
    assert not found["Recovery words"].well
    assert not bare.history.exists()


def test_a_device_without_a_settings_file_begins_with_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    settings = proposed(Answers.model_validate({"device": {"label": "room-7"}}), path)
    assert (settings.device.label, settings.camera) == ("room-7", Settings().camera)
    assert not path.exists()


def test_a_settings_file_that_does_not_hold_is_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[camera]\ncolour = 1\n", encoding="ascii")
    with pytest.raises(SettingsError, match=r"camera\.colour"):
        proposed(Answers(), path)
    assert path.read_text(encoding="ascii") == "[camera]\ncolour = 1\n"


def test_a_self_test_that_fails_ends_setup(bare: Appliance, monkeypatch: pytest.MonkeyPatch) -> None:
    differs = GoldenResult("one.png", 0.2, 0.4, passed=False)
    monkeypatch.setattr("dermscan.cli.setup.golden_results", lambda *_: (differs, differs))
    with pytest.raises(BundleSelfTestFailed, match="2 of 2 golden cases differ"):
        _prove(Settings.model_validate(bare.sections))


def spoken(bare: Appliance, *answers: str) -> Result:
    """The whole conversation, with these answers."""
    words = ["--settings", str(bare.write_settings()), "setup"]
    return CliRunner().invoke(app, words, input="".join(f"{answer}\n" for answer in answers), env={"COLUMNS": "120"})


def test_a_broker_elsewhere_and_its_certificates_are_asked_for(bare: Appliance, tmp_path: Path) -> None:
    create_key_file(bare.key_file)
    bare.sections["camera"] = CAMERA
    done = spoken(bare, "room-7", "0", "y", "n", "broker.example", "8884", *["", "", ""], "n", "y")
    assert "The broker's host" in done.output, done.output
    assert "Seal the key" not in done.output, "there is one already"
    assert done.exit_code == 0, done.output
    made = tomllib.loads((tmp_path / "settings.toml").read_text(encoding="utf-8"))
    assert made["bus"] == {"enabled": False, "transport": "tcp", "host": "broker.example", "port": 8884}


def test_a_calibration_without_a_target_is_refused_after_the_settings_were_written(bare: Appliance) -> None:
    create_key_file(bare.key_file)
    path = bare.folder / "answers.toml"
    path.write_text(
        f'calibrate = true\nselftest = false\n[device]\nlabel = "room-7"\n[camera]\nwidth = {json.dumps(640)}\n'
    )
    done = CliRunner().invoke(app, ["--settings", str(bare.write_settings()), "setup", "--answers", str(path)])
    assert isinstance(done.exception, CalibrationRefused), done.output
    assert done.exception.exit_code == 24
    assert "room-7" in (bare.folder / "settings.toml").read_text(encoding="utf-8")
