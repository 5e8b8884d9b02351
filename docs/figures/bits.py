"""Writes docs/bus/privacy.md: how much each payload could tell at most, counted from the types that make it."""

import math
from pathlib import Path
from typing import Any

from dermscan.bus.contract import Schema, channels, schema_files

PAGE = Path(__file__).parents[1] / "bus" / "privacy.md"
BOOKKEEPING = ("schema_version", "seq")
HEAD = """# What the bus can tell, counted

Made by `docs/figures/bits.py` from the schemas. A payload can tell no more than the logarithm of how many different
ones there are. `schema_version` is a constant, and `seq` grows by one with each payload: neither is counted. The
other counters are listed apart, because what they say follows from how often something happened.

| payload | bits in words and per cents | bits in counters | what the words say |
|---|---:|---:|---|
"""
TAIL = """
An event says one of a handful of things about the work; the type is the topic. The most talkative payload is
`Health`: its codes are a set, so each is one bit, and they are about the machine. No bit of any payload depends on
who is scanned or on what was found: the lesion of an order goes to the history alone, and a scan that is filed says
the same whatever its result. To name one of
10,000 patients 14 bits would be needed; a `ScanFinished` has 0.

## What is not in a payload

- **When.** Whoever may read the status sees when a scan is made, to a tenth of a second, and with the appointment
  book in hand could tell whose it was. That is so for anybody who sees the display, or the door of the room.
  Coarsening was weighed: events held back to the full minute would not hide a scan in a room that sees a patient in
  ten, and would take from the bedside display what it is for. So the time stays true inside the room and coarse
  outside: no payload has a clock time, `uptime_minutes` is in whole minutes, nothing but the last status and health is
  retained, no history of events is kept by the broker, and the bridge to a clinic (`deploy/fleet`) carries
  availability, status and health but no event and no command.
- **How long.** The networks' input has a fixed size; measuring and filing depend a little on the size of the lesion
  and of the picture's file, which the time from `analysing` to `done` shows. The progress is told in steps that do
  not depend on the result.
- **Which command.** A ticket is sealed: two for the same lesion cannot be told from two for different ones. Only
  the console may send commands, and only the service may read them.
- **What the picture was like.** `guidance` and the reason of a refusal are about light, motion and focus, and
  whether a lesion is in the frame: one of eight words.

## How it is held

- `tests/bus/test_vocabulary.py`: no leaf of any schema but enums, constants and bounded integers; a new type fails
  until it is added.
- `tests/bus/test_canary.py`: a canary in subject, site, note, file names, Exif, settings, host name and commands, the
  whole service run with `--verbose` over it; it is not on the bus, in the journal (through systemd's own handler, with
  every field that it adds), in what systemd is told, in arguments, environment and names of processes, in the state
  file, the metrics, `dermscan status` or an archive of `dermscan diagnose`, or on the disk.
- `tests/bus/test_stranger.py`: every payload of a run is judged by a subscriber that knows the AsyncAPI document
  alone. `deploy/prove-bus 1000` does so for a thousand scans; [the last such run](../measurements/bus-run.json)
  lists what was heard.
"""


def page() -> str:
    """The whole page, Markdown."""
    files = schema_files()
    rows = [row(channel.key, files[f"{channel.key}.json"]) for channel in channels() if not channel.inward]
    return HEAD + "".join(rows) + TAIL


def row(name: str, schema: Schema) -> str:
    """One payload's line of the table."""
    if "properties" not in schema:
        return f"| {name} | {bits(schema, schema):.1f} | 0.0 | {len(schema['enum'])} words |\n"
    fields = {key: field for key, field in schema["properties"].items() if key not in BOOKKEEPING}
    words = {key: bits(field, schema) for key, field in fields.items() if not is_counter(field)}
    counters = sum(bits(field, schema) for field in fields.values() if is_counter(field))
    said = ", ".join(f"`{key}`" for key, amount in words.items() if amount) or "nothing beyond the topic"
    return f"| {name} | {sum(words.values()):.1f} | {counters:.1f} | {said} |\n"


def is_counter(field: dict[str, Any]) -> bool:
    """Whether a field counts how often something happened."""
    return field.get("type") == "integer" and int(field.get("maximum", 0)) > 100


def bits(field: dict[str, Any], root: Schema) -> float:
    """Logarithm, to base 2, of how many values a field may have."""
    return math.log2(ways(field, root))


def ways(field: dict[str, Any], root: Schema) -> int:
    """How many values a field may have; a list without repetition in a fixed order is a set."""
    if "$ref" in field:
        return ways(root["$defs"][field["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in field:
        return sum(ways(part, root) for part in field["anyOf"])
    if "enum" in field:
        return len(field["enum"])
    if "const" in field or field["type"] == "null":
        return 1
    if field["type"] == "array":
        return int(2 ** ways(field["items"], root))
    return int(field["maximum"]) - int(field["minimum"]) + 1


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
