"""The whole `dermscan setup`: by a file of answers, and at a terminal, where a person types."""

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from appliance import PATIENCE_S, Appliance
from broker import MakeBroker
from dermscan.bundle.loading import Bundle
from terminal import Terminal

Answer = dict[str, dict[str, object]]


@pytest.fixture
def bare(tmp_path: Path) -> Appliance:
    """A device on which nothing is set up: no settings, no key, no history."""
    return Appliance(tmp_path)


@pytest.fixture
def answers(bare: Appliance, mosquitto: MakeBroker, bundle: Bundle) -> Answer:
    broker = mosquitto(unix=True).start()
    assert bundle.folder.exists()
    return {
        "device": {"label": "room-7"},
        "camera": {"backend": "phantom", "width": 640, "height": 480, "rate_hz": 20},
        "bus": {"socket": broker.socket_path},
        "history": {"folder": bare.history, "key_file": bare.key_file},
        "key": {"place": "file", "recovery_words": bare.folder / "words"},
    }


def written(folder: Path, answers: Answer, **more: object) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in more.items()]
    for name, values in answers.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value, default=str)}" for key, value in values.items())]
    path = folder / "answers.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """What is there, without what a reader of the history leaves behind."""
    kept = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal", "lock")))
    return {str(path): (path.stat().st_mode, path.read_bytes()) for path in kept}


def test_a_device_is_set_up_from_a_file_twice_and_then_runs(bare: Appliance, answers: Answer) -> None:
    settings = bare.folder / "settings.toml"
    settings.write_text("[scan]\nautomatic = false\n", encoding="utf-8")
    command = bare.command("setup", "--answers", written(bare.folder, answers))
    settings.write_text("[scan]\nautomatic = false\n", encoding="utf-8")
    done = run(command)
    assert done[0] == 0, done
    assert "well Broker: connected" in done[1]
    assert "golden cases of" in done[1]
    made = tomllib.loads(settings.read_text(encoding="utf-8"))
    assert made["device"]["label"] == "room-7"
    assert made["scan"] == {"automatic": False}, "what the answers do not name stays"
    words = (bare.folder / "words").read_text(encoding="ascii").split()
    assert len(words) == 24
    assert (bare.folder / "words").stat().st_mode & 0o777 == 0o600
    assert not any(" ".join(words[:3]) in said for said in done[1:])
    before = state(bare.folder)
    written(bare.folder, answers, selftest=False)
    before[f"{bare.folder}/answers.toml"] = state(bare.folder)[f"{bare.folder}/answers.toml"]
    again = run(command)
    assert again[0] == 0, again
    assert "says all this already" in again[1]
    assert "Recovery words: there already" in again[1]
    assert state(bare.folder) == before


def run(command: list[str]) -> tuple[int, str, str]:
    """Exit code, output and errors of a command; the settings file is left as it is."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * PATIENCE_S, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"device": {"label": "Mrs Miller"}}, 10, "line 2: device.label"),
        ({"camera": {"backend": "v4l2", "device": "/dev/video99"}}, 20, "/dev/video99"),
        ({"key": {"place": "cloud"}}, 10, "key.place"),
        ({"bus": {"transport": "tcp", "ca_file": "/nowhere/ca.pem"}}, 10, "ca"),
    ],
)
def test_an_answer_that_cannot_be_is_one_sentence_and_nothing_is_written(
    bare: Appliance, answers: Answer, change: Answer, code: int, sentence: str
) -> None:
    path = written(bare.folder, answers | change)
    found = run(bare.command("setup", "--answers", path))
    assert found[0] == code, found
    sentences = [line for line in found[2].splitlines() if line.startswith("dermscan: ")]
    assert len(sentences) == 1
    assert sentence in sentences[0]
    assert not bare.key_file.exists()
    assert not bare.history.exists()


@pytest.fixture
def terminal(bare: Appliance, mosquitto: MakeBroker) -> Terminal:
    broker = mosquitto(unix=True).start()
    bare.sections = {
        "camera": {"width": 640, "height": 480, "rate_hz": 20},
        "history": {"folder": bare.history, "key_file": bare.key_file},
        "bus": {"socket": broker.socket_path},
    }
    return Terminal(bare.command("setup"))


def test_a_person_is_walked_through(bare: Appliance, terminal: Terminal) -> None:
    terminal.asked("own label", "Room Seven")
    terminal.hears("Small letters")
    terminal.asked("own label", "room-7")
    terminal.hears("rendered phantom")
    phantom = next(line for line in terminal.said.splitlines() if "rendered phantom" in line)
    terminal.asked("Which camera", "99")
    terminal.asked("Which camera", next(part for part in phantom.split() if part.isdigit()))
    terminal.hears("sharpness")
    terminal.asked("Take this camera?", "y")
    terminal.asked("behind its Unix socket?", "y")
    terminal.asked("in a file (file)", "file")
    terminal.asked("target before the camera?", "n")
    terminal.asked("nobody else looking?", "y")
    terminal.hears("Recovery words")
    terminal.hears("24 ")
    terminal.hears("The device is set up")
    assert terminal.end() == 0
    made = tomllib.loads((bare.folder / "settings.toml").read_text(encoding="utf-8"))
    assert made["device"]["label"] == "room-7"
    assert made["camera"]["backend"] == "phantom"
    assert bare.key_file.exists()


def test_a_camera_that_does_not_work_is_said_and_another_one_asked_for(bare: Appliance, terminal: Terminal) -> None:
    terminal.asked("own label", "")
    terminal.asked("Which camera", "0")
    terminal.hears("picamera2")
    terminal.hears("Which camera")
    assert not bare.key_file.exists()
    os.write(terminal._line, b"\x03")
    assert terminal.end() in {1, 130}
