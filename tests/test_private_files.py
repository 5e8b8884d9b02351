from pathlib import Path

import pytest

from dermscan.errors import OutputError
from dermscan.private_files import new_private_file


def test_a_new_file_is_whole_and_its_owners_alone(tmp_path: Path) -> None:
    place = tmp_path / "new"
    with new_private_file(place) as file:
        assert place.stat().st_mode & 0o777 == 0o600, "before the first byte"
        file.write(b"secret")
    assert place.read_bytes() == b"secret"
    assert place.stat().st_mode & 0o777 == 0o600


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    place = tmp_path / "old"
    place.write_bytes(b"kept")
    with pytest.raises(OutputError, match="never"), new_private_file(place, "never") as file:
        file.write(b"lost")
    assert place.read_bytes() == b"kept"


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError), new_private_file(tmp_path / "link") as file:
        file.write(b"lost")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"), new_private_file(tmp_path / "none" / "new") as file:
        file.write(b"lost")


@pytest.mark.parametrize("error", [ArithmeticError, KeyboardInterrupt])
def test_nothing_is_left_when_the_content_cannot_be_made(tmp_path: Path, error: type[BaseException]) -> None:
    def made() -> bytes:
        raise error

    with pytest.raises(error), new_private_file(tmp_path / "new") as file:
        file.write(made())
    assert not any(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No space left"), new_private_file(tmp_path / "new"):
        raise OSError(28, "No space left on device")
    assert not any(tmp_path.iterdir())
