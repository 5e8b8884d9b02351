"""The page of the contract for people, made from the same schemas as the documents for programs."""

from collections.abc import Iterator
from typing import Any

from dermscan.bus.contract import VERSION_RULES, Channel, Schema, channels, schema_files
from dermscan.bus.events import COMMAND_MAX_BYTES, SCHEMA_VERSION
from dermscan.bus.topics import ROOT

_HEAD = f"""# The bus contract, version {SCHEMA_VERSION}

Made by `dermscan bus contract` from the types in `service/dermscan/bus/events.py`. For programs the same is in
[asyncapi.json](asyncapi.json) (AsyncAPI 3.0) and in [schemas/](schemas) (JSON Schema, draft 2020-12). What is promised
about delivery is in [the bus](../bus.md).
"""


def page() -> str:
    """The whole page, Markdown."""
    parts = [_HEAD, "## Versions\n", *(f"- **{when}**: {rule}." for when, rule in VERSION_RULES.items()), ""]
    parts += ["## Topics\n", *_topics(), "", "## Payloads\n"]
    schemas = schema_files()
    for channel in channels():
        parts += _payload(channel, schemas[f"{channel.key}.json"])
    return "\n".join(parts)


def _topics() -> Iterator[str]:
    yield "| topic | direction | retained | QoS | payload |"
    yield "|---|---|---|---|---|"
    for channel in channels():
        direction, retained = "in" if channel.inward else "out", "yes" if channel.retained else "no"
        if channel.inward:
            retained = "refused"
        topic = f"`{ROOT}/<device>/{channel.name}`"
        yield f"| {topic} | {direction} | {retained} | 1 | [{channel.key}](#{channel.key.lower()}) |"


def _payload(channel: Channel, schema: Schema) -> Iterator[str]:
    yield f"### {channel.key}\n"
    yield channel.sentence + (f" {COMMAND_MAX_BYTES} bytes at most." if channel.inward else "") + "\n"
    if channel.kind is None:
        yield f"Plain text: {_words(schema, schema)}\n"
        return
    yield "| field | must be there | value |"
    yield "|---|---|---|"
    needed = schema.get("required", [])
    for name, field in schema["properties"].items():
        yield f"| `{name}` | {'yes' if name in needed else 'no'} | {_words(field, schema)} |"
    yield ""


def _words(field: dict[str, Any], root: Schema) -> str:
    """What a field may hold, in words."""
    if "$ref" in field:
        return _words(root["$defs"][field["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in field:
        return " or ".join(_words(part, root) for part in field["anyOf"])
    if "const" in field or "enum" in field:
        return " ".join(f"`{word}`" for word in field.get("enum", [field.get("const")]))
    if field["type"] == "array":
        return f"list without repetition, {field['maxItems']} at most, of {_words(field['items'], root)}"
    if field["type"] == "integer":
        return f"{field['minimum']} to {field['maximum']}"
    return f"text `{field['pattern']}`" if "pattern" in field else str(field["type"])
