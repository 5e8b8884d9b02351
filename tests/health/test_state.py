"""The file in which the service says how it is: whole, readable by everybody, and unable to hold anything private."""

import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dermscan.errors import DeviceNotRunning
from dermscan.health.state import DeviceState, read_state, write_whole


def test_a_state_survives_the_way_there_and_back(tmp_path: Path, state: DeviceState) -> None:
    write_whole(tmp_path / "state.json", state.model_dump_json())
    assert read_state(tmp_path / "state.json") == state
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_reader_never_sees_half_a_state(tmp_path: Path, state: DeviceState) -> None:
    path = tmp_path / "state.json"
    write_whole(path, state.model_dump_json())
    done = threading.Event()

    def write() -> None:
        for number in range(300):
            write_whole(path, state.model_copy(update={"scans_filed": number}).model_dump_json())
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    read = 0
    while not done.is_set() or read == 0:
        read_state(path)
        read += 1
    writer.join()
    assert read_state(path).scans_filed == 299


def test_what_a_dead_writer_left_behind_is_in_nobody_s_way(tmp_path: Path, state: DeviceState) -> None:
    (tmp_path / ".state.json.new").write_text("half", encoding="ascii")
    write_whole(tmp_path / "state.json", state.model_dump_json())
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path, state: DeviceState) -> None:
    (tmp_path / "precious").write_text("precious", encoding="ascii")
    (tmp_path / "state.json").symlink_to(tmp_path / "precious")
    write_whole(tmp_path / "state.json", state.model_dump_json())
    assert (tmp_path / "precious").read_text(encoding="ascii") == "precious"
    assert not (tmp_path / "state.json").is_symlink()


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_whole(tmp_path / "nowhere" / "state.json", "{}")


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"state_version": 2}', '{"note": "x"}', "\x00\xff"])
def test_what_is_no_state_is_one_sentence(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "state.json").write_text(content, encoding="utf-8")
    with pytest.raises(DeviceNotRunning) as caught:
        read_state(tmp_path / "state.json")
    assert "\n" not in str(caught.value)


def test_a_folder_in_its_place_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DeviceNotRunning, match="cannot be read"):
        read_state(tmp_path)


def leaves(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in schema:
        return leaves(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    parts = [*schema.get("anyOf", []), *schema.get("properties", {}).values()]
    parts += [schema["items"]] if "items" in schema else []
    return [leaf for part in parts for leaf in leaves(part, root)] if parts else [schema]


def test_nothing_private_can_stand_in_it() -> None:
    schema = DeviceState.model_json_schema()
    assert schema["additionalProperties"] is False
    texts = [leaf for leaf in leaves(schema, schema) if leaf.get("type") == "string" and "enum" not in leaf]
    patterns = {leaf.get("pattern") for leaf in texts}
    assert patterns == {r"^[0-9a-f]{64}$", r"^[a-z0-9_]{1,32}$", r"^[0-9a-z.+]{1,40}$"}


@pytest.mark.parametrize("wrong", [{"key": "Wilhelmina"}, {"bundle": "Wilhelmina"}, {"temperature_c": float("nan")}])
def test_what_is_out_of_form_is_refused(state: DeviceState, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DeviceState.model_validate({**state.model_dump(), **wrong})
