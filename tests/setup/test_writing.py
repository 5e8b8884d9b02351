"""The settings file that setup writes: what was there stays, and half a file is never seen."""

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermscan.errors import OutputError, SettingsError
from dermscan.setup.answers import Answers, merged
from dermscan.setup.writing import HEAD, _table, current_content, write_content

KEYS = st.text(st.sampled_from("abcdefgh_"), min_size=1, max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**62), 2**62)
PLAIN = st.booleans() | NUMBERS | st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
TABLES = st.dictionaries(KEYS, st.dictionaries(KEYS, PLAIN | st.lists(PLAIN, max_size=3), max_size=4), max_size=4)


@given(TABLES)
def test_what_is_written_is_what_is_read(content: dict[str, dict[str, object]]) -> None:
    assert tomllib.loads(HEAD + "".join(_table("", content))) == {name: rows for name, rows in content.items() if rows}


def test_nested_tables_survive(tmp_path: Path) -> None:
    content = {"camera": {"width": 640, "faults": {"blur": 0.5}}, "history": {"retention": {"max_age_days": 3}}}
    write_content(tmp_path / "settings.toml", content)
    assert current_content(tmp_path / "settings.toml") == content


def test_answers_go_over_what_is_there_and_leave_the_rest() -> None:
    current = {"camera": {"width": 640, "faults": {"seed": 3}}, "scan": {"automatic": False}, "bus": {"ca_file": "x"}}
    answers = Answers.model_validate(
        {"device": {"label": "room-2"}, "camera": {"height": 480}, "bus": {"ca_file": None}}
    )
    assert merged(current, answers) == {
        "camera": {"width": 640, "height": 480, "faults": {"seed": 3}},
        "scan": {"automatic": False},
        "bus": {},
        "device": {"label": "room-2"},
    }


def test_the_old_file_is_kept_and_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "settings.toml"
    write_content(path, {"device": {"label": "room-1"}})
    (path.parent / ".settings.toml.new").write_text("half", encoding="ascii")
    write_content(path, {"device": {"label": "room-2"}})
    assert sorted(each.name for each in path.parent.iterdir()) == ["settings.toml", "settings.toml.old"]
    assert "room-1" in path.with_name("settings.toml.old").read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_place_that_cannot_be_written_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="ascii")
    with pytest.raises(OutputError):
        write_content(tmp_path / "file" / "settings.toml", {})
    with pytest.raises(OutputError):
        write_content(Path("/proc/settings.toml"), {})


@pytest.mark.parametrize("content", [b"[", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "settings.toml").write_bytes(content)
    with pytest.raises(SettingsError, match="is not TOML"):
        current_content(tmp_path / "settings.toml")
