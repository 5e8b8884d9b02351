import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance import Appliance
from dermscan.cli.main import app
from dermscan.cli.ownership import left_to_its_owner

SERVICE, GROUP = 64_321, 64_322
"""Nobody's numbers, as the service's user and group."""


def owners(folder: Path) -> set[tuple[int, int]]:
    return {(found.st_uid, found.st_gid) for found in (path.lstat() for path in [folder, *folder.rglob("*")])}


@pytest.fixture
def of_the_service(filed_history: Path) -> Iterator[Path]:
    """A history whose folder belongs to the service's user."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    for path in [filed_history, *filed_history.rglob("*")]:
        os.chown(path, SERVICE, GROUP)
    yield filed_history
    assert owners(filed_history) == {(SERVICE, GROUP)}


@pytest.mark.parametrize(
    "command",
    [
        ("history", "list"),
        ("history", "export", "OUT", "--lesion", "LESION"),
        ("backup", "create", "OUT"),
        ("keys", "init", "--recovery"),
        ("history", "erase", "--lesion", "LESION", "--yes"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_root_leaves_no_file_of_its_own_beside_the_service(
    appliance: Appliance, of_the_service: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    place = out / "new" if command[1] == "export" else out
    settings = ["--settings", str(appliance.write_settings())]
    listed = CliRunner().invoke(app, [*settings, "history", "list", "--json"])
    lesion = json.loads(listed.stdout)[0]["lesion_id"]
    words = [{"OUT": str(place), "LESION": lesion}.get(word, word) for word in command]
    done = CliRunner().invoke(app, [*settings, *words], input="y\n")
    assert done.exit_code == 0, done.output
    assert owners(of_the_service) == {(SERVICE, GROUP)}
    assert {user for user, _ in owners(out)} == {0}, "what root asked for is root's"


def test_what_a_killed_command_left_is_handed_over_and_links_are_not_followed(
    of_the_service: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"")
    (of_the_service / "history.db-wal").write_bytes(b"")
    (of_the_service / "blobs" / "link").symlink_to(outside)
    with left_to_its_owner(of_the_service):
        assert owners(of_the_service) == {(SERVICE, GROUP)}
        (of_the_service / "transit" / "new").write_bytes(b"")
    assert outside.stat().st_uid == 0
    (of_the_service / "history.db-wal").unlink()


def test_it_is_handed_over_when_the_command_fails(of_the_service: Path) -> None:
    def fail() -> None:
        (of_the_service / "new").touch()
        (of_the_service / "none").unlink()

    with pytest.raises(FileNotFoundError), left_to_its_owner(of_the_service):
        fail()
    assert (of_the_service / "new").stat().st_uid == SERVICE


def test_a_folder_of_roots_or_none_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    before = owners(tmp_path)
    with left_to_its_owner(tmp_path), left_to_its_owner(tmp_path / "none"):
        pass
    assert owners(tmp_path) == before


def test_whoever_is_not_root_gives_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    (tmp_path / "file").write_bytes(b"")
    os.chown(tmp_path, SERVICE, GROUP)
    with monkeypatch.context() as patched:
        patched.setattr("dermscan.cli.ownership.os.geteuid", lambda: SERVICE)
        with left_to_its_owner(tmp_path):
            pass
    assert (tmp_path / "file").stat().st_uid == 0
