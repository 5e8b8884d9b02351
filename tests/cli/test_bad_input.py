"""What a person or a disk can get wrong ends in one clear sentence and its exit code."""

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

from appliance import Appliance
from dermscan.bundle.loading import Bundle


def refused(appliance: Appliance, *arguments: str) -> tuple[int, str]:
    """Exit code and sentence of a command that must fail; it may say nothing else, and no traceback."""
    done = appliance.call(*arguments)
    assert "Traceback" not in done.stderr
    sentences = [line for line in done.stderr.splitlines() if line.startswith("dermscan: ")]
    assert len(sentences) == 1, done.stderr
    return done.returncode, sentences[0]


def test_an_unknown_setting(appliance: Appliance) -> None:
    appliance.sections["camera"]["colour"] = "green"
    code, sentence = refused(appliance, "run")
    assert code == 10
    assert "camera.colour: unknown setting" in sentence


def test_an_unreadable_image_costs_the_others_nothing(appliance: Appliance, bundle: Bundle, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    good = bundle.path(bundle.manifest.golden[0].image)
    code, sentence = refused(appliance, "analyze", str(broken), str(good))
    assert code == 11
    assert "no picture that can be read" in sentence
    done = appliance.call("analyze", str(broken), str(good))
    assert "not readable" in done.stdout
    assert good.name in done.stdout


def test_an_empty_folder_to_replay(appliance: Appliance, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    appliance.sections["camera"] |= {"backend": "replay", "source": tmp_path / "empty"}
    code, _ = refused(appliance, "run")
    assert code == 11


def test_a_camera_that_is_not_there(appliance: Appliance) -> None:
    appliance.sections["camera"] |= {"backend": "v4l2", "device": "/dev/video99"}
    running = appliance.start()
    running.await_line("No camera at /dev/video99: there is no such device; opening it anew")
    running.stop()
    assert running.process.returncode == 0


def test_a_missing_key(appliance: Appliance) -> None:
    appliance.key_file.unlink()
    code, sentence = refused(appliance, "run")
    assert code == 40
    assert "dermscan keys init" in sentence
    assert not appliance.history.exists(), "nothing is half made"


def test_a_wrong_key(appliance: Appliance, filed_history: Path) -> None:
    before = contents(filed_history)
    appliance.key_file.unlink()
    assert appliance.call("keys", "init").returncode == 0
    for command in (("history", "list"), ("run",)):
        code, sentence = refused(appliance, *command)
        assert code == 41
        assert "does not open this history" in sentence
    assert contents(filed_history) == before


def contents(folder: Path) -> dict[str, bytes]:
    """Everything but SQLite's scratch files, which come and go with a reader, and the record of starts."""
    passing = ("-shm", "-wal", "lock", "starts")
    kept = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(passing))
    return {str(path): path.read_bytes() for path in kept}


def test_a_damaged_model_file(appliance: Appliance, bundle: Bundle, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundle.folder, copy)
    model = copy / bundle.manifest.classifier.file.path
    model.write_bytes(model.read_bytes()[:-100])
    appliance.sections["models"]["bundle"] = copy
    code, sentence = refused(appliance, "run")
    assert code == 31
    assert model.name in sentence


def test_a_missing_bundle(appliance: Appliance, tmp_path: Path) -> None:
    appliance.sections["models"]["bundle"] = tmp_path / "nowhere"
    assert refused(appliance, "selftest")[0] == 30


def test_a_history_that_is_not_there(appliance: Appliance) -> None:
    code, _ = refused(appliance, "history", "list")
    assert code == 44
    assert not appliance.history.exists()


@pytest.mark.parametrize("scan", ["0", "00000000", "no-such-scan"])
def test_an_unknown_scan(appliance: Appliance, filed_history: Path, scan: str) -> None:
    assert filed_history.exists()
    assert refused(appliance, "history", "show", scan)[0] == 46


def test_a_key_is_never_overwritten(appliance: Appliance) -> None:
    before = appliance.key_file.read_bytes()
    assert refused(appliance, "keys", "init")[0] == 12
    assert appliance.key_file.read_bytes() == before


def test_a_table_that_is_not_there(appliance: Appliance, tmp_path: Path) -> None:
    code, _ = refused(appliance, "evaluate", str(tmp_path / "none.csv"), "--out", str(tmp_path / "report.json"))
    assert code == 11
    assert not (tmp_path / "report.json").exists()


def test_a_report_that_cannot_be_written_is_told_before_the_work(appliance: Appliance, labelled: Path) -> None:
    code, _ = refused(appliance, "evaluate", str(labelled), "--out", str(labelled.parent / "nowhere" / "report.json"))
    assert code == 12


def test_an_audit_log_that_lost_its_mark(appliance: Appliance, filed_history: Path) -> None:
    (filed_history / "audit.mark").unlink()
    code, sentence = refused(appliance, "history", "audit", "--verify", "--json")
    assert code == 43
    assert "audit log" in sentence
    done = appliance.call("history", "audit", "--verify", "--json")
    assert [finding["breach"] for finding in json.loads(done.stdout)["findings"]] == ["mark_missing"]


def test_erasing_an_unknown_lesion_or_subject(appliance: Appliance, filed_history: Path) -> None:
    for what in (("--lesion", "00000000"), ("--subject", "nobody")):
        assert refused(appliance, "history", "erase", *what, "--yes")[0] == 46
    assert appliance.call("history", "erase", "--yes").returncode == 2
    assert any((filed_history / "blobs").iterdir())


def test_erasing_while_the_history_is_being_written(appliance: Appliance, filed_history: Path) -> None:
    with (filed_history / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, sentence = refused(appliance, "history", "erase", "--subject", "nobody", "--yes")
    assert code == 44
    assert "stop the service first" in sentence


def test_rotating_to_a_file_that_is_no_key(appliance: Appliance, filed_history: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("no key", encoding="ascii")
    (tmp_path / "new").chmod(0o600)
    before = contents(filed_history)
    assert refused(appliance, "keys", "rotate", "--new", str(tmp_path / "new"))[0] == 40
    assert contents(filed_history) == before


def test_backups_that_cannot_be_restored(appliance: Appliance, filed_history: Path, tmp_path: Path) -> None:
    assert appliance.call("backup", "create", str(tmp_path)).returncode == 0
    (backup,) = tmp_path.glob("*.backup")
    before = contents(filed_history)
    assert refused(appliance, "backup", "restore", str(backup))[0] == 49
    assert refused(appliance, "backup", "create", str(tmp_path / "nowhere"))[0] == 12
    assert refused(appliance, "backup", "verify", str(appliance.key_file))[0] == 11
    assert contents(filed_history).keys() == before.keys()
    filed_history.rename(tmp_path / "away")
    backup.write_bytes(backup.read_bytes()[:-100])
    assert refused(appliance, "backup", "restore", str(backup))[0] == 48
    appliance.key_file.unlink()
    assert appliance.call("keys", "init").returncode == 0
    assert refused(appliance, "backup", "restore", str(backup))[0] == 41, "the backup of another device"


def test_an_evaluation_that_breaks_off_leaves_nothing_half_written(
    appliance: Appliance, labelled: Path, tmp_path: Path
) -> None:
    lines = labelled.read_text(encoding="utf-8")
    labelled.write_text(lines + "lost,nowhere.png,,NV\n", encoding="utf-8")
    (tmp_path / "report.json").write_text("of yesterday", encoding="utf-8")
    before = sorted(path.name for path in tmp_path.iterdir())
    report, rows = str(tmp_path / "report.json"), str(tmp_path / "rows.csv")
    code, sentence = refused(appliance, "evaluate", str(labelled), "--out", report, "--rows", rows)
    assert code == 11
    assert "nowhere.png" in sentence
    assert (tmp_path / "report.json").read_text(encoding="utf-8") == "of yesterday"
    made = {path.name for path in tmp_path.iterdir()} - {"settings.toml", *before}
    assert made <= {"report.json.journal"}, "what was judged is kept, so that the same command goes on"


@pytest.mark.parametrize("place", [".", "pipe"])
def test_a_report_never_takes_the_place_of_what_is_no_file(
    appliance: Appliance, labelled: Path, tmp_path: Path, place: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(appliance, "evaluate", str(labelled), "--out", str(tmp_path / place))[0] == 12
    assert (tmp_path / "pipe").is_fifo()
