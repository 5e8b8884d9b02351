from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from dermscan.camera_settings import CameraSettings
from dermscan.errors import SettingsError
from dermscan.settings import Settings, load_settings


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def sections() -> list[type[BaseModel]]:
    kinds = [field.annotation for field in Settings.model_fields.values()]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def test_every_field_has_a_title_and_a_description_and_a_default_that_works() -> None:
    Settings()
    for section in sections():
        for name, field in section.model_fields.items():
            assert field.title, name
            assert field.description, name
            assert not field.is_required(), name


def test_a_value_is_read(tmp_path: Path) -> None:
    settings = load_settings(
        written(tmp_path, '[camera]\nbackend = "v4l2"\nrate_hz = 7.5\n[device]\nlabel = "room-7"\n')
    )
    assert settings.camera.backend == "v4l2"
    assert settings.camera.rate_hz == 7.5
    assert settings.device.label == "room-7"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[camera]\nbackend = 'v4l2'\ncolour = 1\n", 3, "camera.colour: unknown setting"),
        ("\n\n[kamera]\nbackend = 'v4l2'\n", 3, "kamera: unknown setting"),
        ("[camera]\nwidth = 9\n[scan]\nburst_frames = 2\n", 2, "camera.width"),
        ("[scan]\nburst_frames = 2\n[camera.faults]\nblur = 2\n", 4, "camera.faults.blur"),
        ("[quality]\nmin_exposure = 0.9\nmax_exposure = 0.1\n", 1, "min_exposure must be less"),
        ("camera.faults.seed = 'x'\n", 1, "camera.faults.seed"),
    ],
)
def test_a_bad_value_names_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(written(tmp_path, text))
    assert f"line {line}: " in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"[camera", b"\xff\xfe\x00", b"camera = 3"])
def test_what_is_no_settings_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError):
        load_settings(path)


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "nowhere.toml")


@given(label=st.text(max_size=40))
def test_a_device_label_can_carry_nothing_but_small_letters_digits_and_hyphens(label: str) -> None:
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    try:
        settings = Settings.model_validate({"device": {"label": label}})
    except ValueError:
        return
    assert set(settings.device.label) <= allowed
    assert len(settings.device.label) <= 32


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"still_width": 2560}, "go together"),
        ({"still_height": 1920}, "go together"),
        ({"still_width": 2560, "still_height": 1920, "backend": "v4l2"}, "picamera2 only"),
        ({"still_width": 2560, "still_height": 1440}, "of its shape"),
        ({"still_width": 640, "still_height": 480}, "at least as large"),
        ({"still_width": 2561, "still_height": 1920}, "multiple of 2"),
        ({"still_width": 2560, "still_height": 1920, "width": 1281}, "sides even"),
    ],
)
def test_a_still_that_cannot_show_what_the_frames_show_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CameraSettings.model_validate(changes)


def test_the_sensors_own_size_fits_the_usual_frame() -> None:
    camera = CameraSettings(still_width=4056, still_height=3040)
    assert (camera.takes_stills, camera.picture_size) == (True, (4056, 3040))
    assert (CameraSettings().takes_stills, CameraSettings().picture_size) == (False, (1280, 960))


def test_the_hash_follows_what_influences_an_assessment_and_nothing_else() -> None:
    base = Settings()
    assert Settings.model_validate({"device": {"label": "other"}}).assessment_hash() == base.assessment_hash()
    assert Settings.model_validate({"quality": {"max_glare": 0.2}}).assessment_hash() != base.assessment_hash()


def test_without_a_file_the_devices_own_is_read_or_the_defaults_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dermscan.settings.DEFAULT_PATH", tmp_path / "settings.toml")
    assert load_settings() == Settings()
    written(tmp_path, '[device]\nlabel = "room-7"\n')
    assert load_settings().device.label == "room-7"


@pytest.mark.parametrize(
    ("console", "said"),
    [
        ('host = "0.0.0.0"', "beyond loopback the console needs certificate_file"),
        ('certificate_file = "/etc/console.crt"', "certificate_file needs certificate_key_file"),
    ],
)
def test_a_console_is_not_opened_to_the_network_in_clear(tmp_path: Path, console: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(written(tmp_path, f"[console]\n{console}\n"))
    load_settings(written(tmp_path, '[console]\nhost = "127.0.0.1"\n'))
