"""The contract says what the types say, other people's programs read it, and readers of the last one still can."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from dermscan.bus.contract import asyncapi, channels, documents, schema_files
from dermscan.bus.contract_page import page
from dermscan.bus.events import COUNT_MAX, SCHEMA_VERSION, Availability, Command
from dermscan.bus.topics import COMMANDS, Topics
from node import CONTRACT, read_by_node

RELEASED = CONTRACT / "released"
KINDS: dict[str, TypeAdapter[Any]] = {
    channel.key: TypeAdapter(channel.kind) for channel in channels() if channel.kind is not None
}
OUTWARD = [channel.key for channel in channels() if not channel.inward and channel.kind is not None]
TICKET = "A" * 64


def resolved(field: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = root["$defs"][field["$ref"].removeprefix("#/$defs/")] if "$ref" in field else field
    return found


def values(field: dict[str, Any], root: dict[str, Any]) -> list[Any]:
    """All words of a closed field, and the bounds of a number."""
    field = resolved(field, root)
    if "anyOf" in field:
        return [value for part in field["anyOf"] for value in values(part, root)]
    if "const" in field or "enum" in field:
        return list(field.get("enum", [field.get("const")]))
    if field["type"] == "array":
        words = values(field["items"], root)
        return [[], *([word] for word in words), words]
    if field["type"] == "integer":
        return [field["minimum"], field["maximum"]]
    return [None] if field["type"] == "null" else [TICKET]


def samples(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Payloads in which every value of every field occurs."""
    columns = [[(name, value) for value in values(field, schema)] for name, field in schema["properties"].items()]
    longest = max(len(column) for column in columns)
    return [dict(column[number % len(column)] for column in columns) for number in range(longest)]


def published(schema: dict[str, Any], key: str) -> list[Any]:
    """The samples as the device would publish them."""
    return [json.loads(KINDS[key].validate_python(sample).model_dump_json()) for sample in samples(schema)]


@pytest.mark.parametrize("name", documents())
def test_the_documents_are_those_of_the_types(name: str) -> None:
    assert (CONTRACT / name).read_text(encoding="utf-8") == documents()[name], (
        "run dermscan bus contract --out docs/bus"
    )


def test_the_page_is_the_one_of_the_types() -> None:
    assert (CONTRACT / "contract.md").read_text(encoding="utf-8") == page(), "run dermscan bus contract --out docs/bus"


def test_no_schema_is_left_over() -> None:
    kept = {f"schemas/{path.name}" for path in (CONTRACT / "schemas").iterdir()}
    assert kept == set(documents()) - {"asyncapi.json"}


def test_asyncapi_s_own_parser_understands_it() -> None:
    read = read_by_node("contract.mjs", "parse", CONTRACT / "asyncapi.json")
    assert read == {"understood": True, "version": "3.0.0", "channels": len(list(channels())), "problems": []}


def test_asyncapi_s_own_parser_would_complain(tmp_path: Path) -> None:
    broken = asyncapi()
    broken["channels"]["Status"]["messages"]["Status"]["$ref"] = "#/components/messages/Nothing"
    (tmp_path / "broken.json").write_text(json.dumps(broken), encoding="utf-8")
    assert read_by_node("contract.mjs", "parse", tmp_path / "broken.json")["problems"]


def test_every_topic_of_the_device_is_in_it() -> None:
    addresses = {channel["address"].replace("{device}", "room-1") for channel in asyncapi()["channels"].values()}
    topics = Topics("room-1")
    assert {topics.availability, topics.status, topics.health, *topics.commands} <= addresses
    assert len(addresses) == len(list(channels()))
    assert {channel.kind for channel in channels() if channel.inward} == set(COMMANDS.values())


def test_ajv_takes_everything_the_types_can_say() -> None:
    schemas = schema_files()
    pairs = [(key, payload) for key in OUTWARD for payload in published(schemas[f"{key}.json"], key)]
    pairs += [(key, sample) for key in ("CommandScan", "CommandCancel") for sample in samples(schemas[f"{key}.json"])]
    pairs += [("Availability", word.value) for word in Availability]
    assert len(pairs) > 60
    problems = read_by_node("contract.mjs", "validate", CONTRACT / "schemas", given=pairs)
    assert [pair for pair, found in zip(pairs, problems, strict=True) if found] == []


SPOILT = [
    ("Status", {"schema_version": 1, "seq": 0, "state": "ready", "guidance": None, "progress": 101}),
    ("Status", {"schema_version": 1, "seq": 0, "state": "melanoma", "guidance": None, "progress": 0}),
    ("Status", {"schema_version": 2, "seq": 0, "state": "ready", "guidance": None, "progress": 0}),
    ("Status", {"schema_version": 1, "seq": 0, "state": "ready", "guidance": None, "progress": 0, "note": "a"}),
    ("Status", {"schema_version": 1, "seq": COUNT_MAX + 1, "state": "ready", "guidance": None, "progress": 0}),
    ("ScanStarted", {"schema_version": 1, "seq": 0, "type": "scan_finished"}),
    ("ScanStarted", {"schema_version": 1, "seq": 0, "type": "scan_started", "risk": 3}),
    ("CommandScan", {"ticket": TICKET}),
    ("CommandScan", {"schema_version": 1, "ticket": TICKET[1:]}),
    ("CommandCancel", {"schema_version": 1, "ticket": TICKET}),
    ("Availability", "away"),
]


def test_ajv_refuses_what_the_types_refuse() -> None:
    problems = read_by_node("contract.mjs", "validate", CONTRACT / "schemas", given=SPOILT)
    assert all(problems), problems
    for key, payload in SPOILT[:-1]:
        with pytest.raises(ValidationError):
            KINDS[key].validate_python(payload)


def test_readers_of_the_released_schemas_can_read_what_is_published_now() -> None:
    """Within a version nothing that is sent may be new to it; where this fails, `SCHEMA_VERSION` must grow."""
    schemas, kept = schema_files(), {path.stem for path in (RELEASED / str(SCHEMA_VERSION)).glob("*.json")}
    assert kept - set(KINDS) == {"Availability"}
    pairs = [(key, payload) for key in OUTWARD if key in kept for payload in published(schemas[f"{key}.json"], key)]
    pairs += [("Availability", word.value) for word in Availability]
    problems = read_by_node("contract.mjs", "validate", RELEASED / str(SCHEMA_VERSION), given=pairs)
    assert [pair for pair, found in zip(pairs, problems, strict=True) if found] == []


def test_the_schemas_of_every_version_are_kept() -> None:
    kept = {path.name for path in RELEASED.iterdir()}
    assert kept == {str(version) for version in range(1, SCHEMA_VERSION + 1)}


def test_senders_of_the_released_commands_are_still_understood() -> None:
    for name, kind in COMMANDS.items():
        assert issubclass(kind, Command)
        schema = json.loads(
            (RELEASED / str(SCHEMA_VERSION) / f"Command{name.title()}.json").read_text(encoding="utf-8")
        )
        for sample in samples(schema):
            kind.model_validate_json(json.dumps(sample))


def test_the_lock_names_no_server() -> None:
    lock = (Path(__file__).parent / "npm" / "package-lock.json").read_text(encoding="utf-8")
    assert not re.search(r'"resolved"|//registry', lock)
