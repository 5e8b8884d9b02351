"""Nothing private can be said: the schemas are walked, and every payload survives the way there and back."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from dermscan.bus import events
from dermscan.bus.events import (
    COUNT_MAX,
    EVENT,
    CameraBack,
    CameraLost,
    CommandCancel,
    CommandRefusal,
    CommandRefused,
    CommandScan,
    Event,
    Health,
    HealthCode,
    Payload,
    ScanCancelled,
    ScanFailed,
    ScanFinished,
    ScanRefused,
    ScanStarted,
    Status,
    WorkState,
)
from dermscan.bus.publisher import BusPublisher
from dermscan.bus.topics import Topics
from dermscan.domain import DiagnosisCode, IndeterminateReason, RejectReason, RiskBand
from dermscan.errors import SettingsError
from dermscan.settings import BusSettings

DOCS = Path(__file__).parents[2] / "docs"
TICKET_PATTERN = r"^[A-Za-z0-9_-]{64}$"
OUTBOUND: list[TypeAdapter[Any]] = [TypeAdapter(Status), TypeAdapter(Health), EVENT]
COUNTS = st.integers(0, COUNT_MAX)


def leaves(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """Every part of a schema that describes a value and not a form of values."""
    if "$ref" in schema:
        return leaves(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    for form in ("anyOf", "oneOf"):
        if form in schema:
            return [leaf for part in schema[form] for leaf in leaves(part, root)]
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False, schema
        return [leaf for part in schema["properties"].values() for leaf in leaves(part, root)]
    if schema.get("type") == "array":
        assert schema["maxItems"] <= len(HealthCode), schema
        assert schema["uniqueItems"], schema
        return leaves(schema["items"], root)
    return [schema]


def is_closed(leaf: dict[str, Any]) -> bool:
    """Whether a value of this schema is one of a known, bounded set."""
    if "const" in leaf or leaf.get("enum") or leaf.get("type") == "null":
        return True
    bounded = 0 <= leaf.get("minimum", -1) <= leaf.get("maximum", -1) <= COUNT_MAX
    return leaf.get("type") == "integer" and bounded


@pytest.mark.parametrize("adapter", OUTBOUND, ids=["status", "health", "event"])
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_what_goes_out_is_enums_constants_and_bounded_integers(adapter: TypeAdapter[Any], mode: Any) -> None:
    schema = adapter.json_schema(mode=mode)
    found = leaves(schema, schema)
    assert found
    assert all(is_closed(leaf) for leaf in found), [leaf for leaf in found if not is_closed(leaf)]


def test_the_walk_finds_what_it_looks_for() -> None:
    class Talkative(BaseModel, extra="forbid"):
        note: str

    class Vague(BaseModel, extra="forbid"):
        risk: float

    for model in (Talkative, Vague):
        schema = model.model_json_schema()
        assert not all(is_closed(leaf) for leaf in leaves(schema, schema))


def test_what_comes_in_has_the_opaque_ticket_and_nothing_else_open() -> None:
    schema = CommandScan.model_json_schema()
    open_leaves = [leaf for leaf in leaves(schema, schema) if not is_closed(leaf)]
    assert [(leaf["type"], leaf["pattern"]) for leaf in open_leaves] == [("string", TICKET_PATTERN)]


def test_every_payload_type_is_looked_at() -> None:
    """A new type must be added to what is walked, or it is published unproven."""
    walked = {
        Status,
        Health,
        ScanStarted,
        ScanFinished,
        ScanRefused,
        ScanCancelled,
        ScanFailed,
        CameraLost,
        CameraBack,
        CommandRefused,
    }
    defined = {kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Payload)}
    assert defined - {Payload} == walked


def test_no_word_of_a_finding_is_in_the_vocabulary() -> None:
    schemas = "".join(
        str(
            adapter.json_schema()["properties"]
            if "properties" in adapter.json_schema()
            else adapter.json_schema()["$defs"]
        )
        for adapter in OUTBOUND
    )
    words = set(re.findall(r"'(\w+)'", schemas))
    findings = {str(code) for kind in (DiagnosisCode, RiskBand, IndeterminateReason) for code in kind}
    assert words & (findings - {str(reason) for reason in RejectReason}) == set()


STATUSES = st.builds(
    Status,
    seq=COUNTS,
    state=st.sampled_from(WorkState),
    guidance=st.none() | st.sampled_from(RejectReason),
    progress=st.integers(0, 100),
)
HEALTHS = st.builds(
    Health,
    seq=COUNTS,
    codes=st.frozensets(st.sampled_from(HealthCode)),
    scans_filed=COUNTS,
    frames_refused=COUNTS,
    commands_refused=COUNTS,
    coalesced=COUNTS,
    uptime_minutes=COUNTS,
)
EVENTS = st.one_of(
    st.builds(ScanStarted, seq=COUNTS),
    st.builds(ScanFinished, seq=COUNTS),
    st.builds(ScanRefused, seq=COUNTS, reason=st.sampled_from(RejectReason)),
    st.builds(ScanCancelled, seq=COUNTS),
    st.builds(ScanFailed, seq=COUNTS, code=st.sampled_from(HealthCode)),
    st.builds(CameraLost, seq=COUNTS),
    st.builds(CameraBack, seq=COUNTS),
    st.builds(CommandRefused, seq=COUNTS, code=st.sampled_from(CommandRefusal)),
)


@given(STATUSES | HEALTHS)
@settings(deadline=None)
def test_status_and_health_survive_the_way_there_and_back(payload: Status | Health) -> None:
    text = payload.model_dump_json()
    assert type(payload).model_validate_json(text) == payload
    assert text.isascii()
    assert len(text) < 1024


@given(EVENTS)
@settings(deadline=None)
def test_events_survive_the_way_there_and_back(event: Event) -> None:
    assert EVENT.validate_json(event.model_dump_json()) == event


@given(st.integers().filter(lambda number: not 0 <= number <= COUNT_MAX))
@settings(deadline=None)
def test_a_number_out_of_bounds_is_refused(number: int) -> None:
    with pytest.raises(ValidationError):
        Status(state=WorkState.READY, seq=number)
    with pytest.raises(ValidationError):
        Health(scans_filed=number)


@given(st.text(), st.text())
@settings(deadline=None)
def test_an_unknown_field_or_word_is_refused(key: str, word: str) -> None:
    with pytest.raises(ValidationError):
        Status.model_validate({"state": "ready", f"x-{key}": word})
    with pytest.raises(ValidationError):
        Status.model_validate({"state": f"x-{word}"})
    with pytest.raises(ValidationError):
        EVENT.validate_python({"type": f"x-{word}"})


def test_the_same_codes_are_the_same_bytes() -> None:
    codes = sorted(HealthCode, reverse=True)
    first, second = Health(codes=frozenset(codes)), Health(codes=frozenset(codes[::-1]))
    assert first.model_dump_json() == second.model_dump_json()
    assert first.model_dump(mode="json")["codes"] == sorted(codes)


def test_payloads_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Status(state=WorkState.READY).state = WorkState.DONE  # type: ignore[misc]


def test_the_counter_begins_again_at_its_bound() -> None:
    bus = BusPublisher(BusSettings(), "room-1", on_command=lambda _: None)
    bus._seq = COUNT_MAX - 1
    stamped = [Status.model_validate_json(bus._stamped(Status(state=WorkState.READY))).seq for _ in range(4)]
    bus.stop()
    assert stamped == [COUNT_MAX - 1, COUNT_MAX, 0, 1]


def test_topics_are_those_of_the_design() -> None:
    topics = Topics("room-2")
    assert topics.availability == "dermscan/room-2/availability"
    assert topics.status == "dermscan/room-2/status"
    assert topics.health == "dermscan/room-2/health"
    assert topics.commands == {
        "dermscan/room-2/command/scan": CommandScan,
        "dermscan/room-2/command/cancel": CommandCancel,
    }
    assert topics.event(ScanStarted()) == "dermscan/room-2/event/scan_started"


@pytest.mark.parametrize("label", ["", "+", "#", "a/b", "a/#", "Room", "-a", "a-", "a" * 33, "a\n", "é", "a b", "$SYS"])
def test_a_label_that_reaches_beyond_its_subtree_is_refused(label: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Topics(label)
    problem = "device.label may have small letters, digits and hyphens only, 32 at most"
    assert caught.value.details == {"problem": problem}


def test_the_page_that_counts_the_bits_is_made_from_the_types() -> None:
    made = runpy.run_path(str(DOCS / "figures" / "bits.py"))
    assert (DOCS / "bus" / "privacy.md").read_text(encoding="utf-8") == made["page"](), "run docs/figures/bits.py"


def test_bits_are_counted_as_on_paper() -> None:
    made = runpy.run_path(str(DOCS / "figures" / "bits.py"))
    fields: list[tuple[dict[str, Any], int]] = [
        ({"const": 1}, 1),
        ({"enum": ["a", "b"]}, 2),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, 3),
        ({"type": "integer", "minimum": 0, "maximum": 100}, 101),
        ({"type": "array", "items": {"enum": ["a", "b", "c"]}}, 8),
    ]
    assert [made["ways"](field, {}) for field, _ in fields] == [ways for _, ways in fields]
