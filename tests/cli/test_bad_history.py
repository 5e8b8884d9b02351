"""Each way in which a history can be in a bad state: one clear sentence, its exit code, and nothing lost."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance import Appliance
from dermscan.cli.main import app
from dermscan.errors import DermscanError
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings

Refused = Callable[..., tuple[int, str]]


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file but the index that SQLite makes anew."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".db-shm"}


@pytest.fixture
def refused(appliance: Appliance) -> Refused:
    """Calls a command that must fail, and gives its exit code and sentence."""

    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["--settings", str(appliance.write_settings()), *words], input="y\n")
        assert isinstance(done.exception, DermscanError), done.output
        sentence = str(done.exception)
        assert sentence
        assert not sentence.endswith(".")
        assert "\n" not in sentence
        return done.exception.exit_code, sentence

    return call


def there(appliance: Appliance) -> int:
    """How many scans there are, each of them whole."""
    settings = HistorySettings(folder=appliance.history, key_file=appliance.key_file)
    with History.open(appliance.history, load_master_key(settings), create=False) as history:
        history.check()
        history.prove()
        return history.count()


def test_a_truncated_database(appliance: Appliance, filed_history: Path, refused: Refused) -> None:
    path = filed_history / "history.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    before = contents(filed_history)
    assert refused("history", "list") == (
        43,
        "The history is damaged or was tampered with: the database is damaged, cut off or was altered",
    )
    assert {name: content for name, content in contents(filed_history).items() if "blobs" in name.parts} == {
        name: content for name, content in before.items() if "blobs" in name.parts
    }
    path.write_bytes(whole)
    assert there(appliance) == 1


def test_a_truncated_picture(appliance: Appliance, filed_history: Path, refused: Refused, tmp_path: Path) -> None:
    picture = next((filed_history / "blobs").iterdir())
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-1])
    listed = CliRunner().invoke(app, ["--settings", str(appliance.write_settings()), "history", "list", "--json"])
    lesion = json.loads(listed.stdout)[0]["lesion_id"]
    code, sentence = refused("history", "export", str(tmp_path / "out"), "--lesion", lesion)
    assert (code, sentence.endswith("a picture is cut off or has grown")) == (43, True)
    picture.write_bytes(whole)
    assert there(appliance) == 1


def test_a_wrong_key_and_a_missing_one(appliance: Appliance, filed_history: Path, refused: Refused) -> None:
    kept = appliance.key_file.read_bytes()
    appliance.key_file.write_bytes(kept[:-3] + (b"0" if kept[-3:-2] != b"0" else b"1") + kept[-2:])
    before = contents(filed_history)
    assert refused("history", "list") == (41, "The master key does not open this history")
    appliance.key_file.unlink()
    assert refused("history", "list")[0] == 40
    assert contents(filed_history) == before
    appliance.key_file.write_bytes(kept)
    appliance.key_file.chmod(0o600)
    assert there(appliance) == 1


@pytest.mark.parametrize(
    "words", [("history", "erase", "--lesion", "00000000", "--yes"), ("history", "evolution", "00000000")]
)
def test_an_unknown_lesion(appliance: Appliance, filed_history: Path, refused: Refused, words: tuple[str, ...]) -> None:
    assert refused(*words) == (46, "There is no such lesion in the history")
    assert there(appliance) == 1
    assert filed_history.is_dir()


@pytest.fixture
def own_disk(appliance: Appliance, filed_history: Path, tmp_path: Path) -> Iterator[Path]:
    """The same history on a small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounting = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", str(place)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let root mount a tmpfs")
    subprocess.run(["cp", "-a", str(filed_history), str(place / "history")], check=True)
    appliance.sections["history"]["folder"] = place / "history"
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def on(disk: Path, key_file: Path) -> int:
    """How many scans there are on the disk."""
    settings = HistorySettings(folder=disk / "history", key_file=key_file)
    with History.open(settings.folder, load_master_key(settings), create=False) as history:
        history.check()
        history.prove()
        assert history.verify_audit() == ()
        return history.count()


def test_a_full_disk(appliance: Appliance, own_disk: Path, refused: Refused) -> None:
    with (own_disk / "ballast").open("wb", buffering=0) as ballast:
        disk = os.statvfs(own_disk)
        ballast.write(bytes(disk.f_bavail * disk.f_frsize))
    code, sentence = refused("history", "assign", "00001234", "--subject", "heron-7")
    assert (code, sentence) == (45, "The disk that holds the history is full; nothing was filed")
    (own_disk / "ballast").unlink()
    assert on(own_disk, appliance.key_file) == 1


def test_a_read_only_disk(appliance: Appliance, own_disk: Path, refused: Refused) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(own_disk)], check=True)
    code, sentence = refused("history", "assign", "00001234", "--subject", "heron-7")
    assert (code, sentence) == (44, "The history's folder cannot be used: Read-only file system")
    subprocess.run(["mount", "-o", "remount,rw", str(own_disk)], check=True)
    assert on(own_disk, appliance.key_file) == 1


def test_a_clock_in_1970(appliance: Appliance, filed_history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appliance.sections["history.retention"] = {"max_age_days": 1, "min_free_mb": 100_000_000}
    monkeypatch.setattr("dermscan.history.expiring.datetime", _Clock)
    done = CliRunner().invoke(app, ["--settings", str(appliance.write_settings()), "history", "retention"])
    assert (done.exit_code, done.stdout) == (
        0,
        "Nothing is deleted: the clock is set to a time before this software was made.\n",
    )
    monkeypatch.undo()
    assert filed_history.is_dir()
    assert there(appliance) == 1


class _Clock(datetime):
    @classmethod
    def now(cls, tz: object = None) -> "datetime":  # type: ignore[override]
        del tz
        return datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
