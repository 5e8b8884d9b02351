"""The contract of the bus for other people's programs, made from the types. It never says what the types do not."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from dermscan.bus.events import (
    COMMAND_MAX_BYTES,
    SCHEMA_VERSION,
    Availability,
    Event,
    Health,
    Status,
)
from dermscan.bus.topics import COMMANDS, ROOT

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LABEL_WORDS = "The device's own label: small letters, digits and hyphens, 1 to 32 characters. Never a person's."
_FIRST_SENTENCE = re.compile(r"[^.]*\.")
Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic of a device and what is on it.

    Attributes:
        name: The topic behind `dermscan/<device>/`.
        kind: The payload's type; None is the availability, which is plain text.
        retained: Whether the broker keeps the last payload.
        inward: Whether the device takes it; otherwise it sends it.
    """

    name: str
    kind: type[BaseModel] | None
    retained: bool
    inward: bool = False

    @property
    def key(self) -> str:
        """The channel's name in the documents: the type's name."""
        return "Availability" if self.kind is None else self.kind.__name__

    @property
    def mode(self) -> Mode:
        """Whether the schema says what is accepted or what is sent."""
        return "validation" if self.inward else "serialization"

    @property
    def sentence(self) -> str:
        """The first sentence of the type's docstring."""
        text = " ".join(((Availability if self.kind is None else self.kind).__doc__ or "").split())
        found = _FIRST_SENTENCE.match(text)
        return found[0] if found else text


def channels() -> Iterator[Channel]:
    """Every topic of a device."""
    yield Channel("availability", None, retained=True)
    yield Channel("status", Status, retained=True)
    yield Channel("health", Health, retained=True)
    for kind in get_args(get_args(Event)[0]):
        yield Channel(f"event/{kind.model_fields['type'].default}", kind, retained=False)
    for name, command in COMMANDS.items():
        yield Channel(f"command/{name}", command, retained=False, inward=True)


def schema_files() -> dict[str, Schema]:
    """A JSON Schema (draft 2020-12) for each payload, by file name; each stands alone."""
    files = {}
    for channel in channels():
        about = {"$schema": DIALECT, "$id": f"urn:dermscan:bus:{SCHEMA_VERSION}:{channel.key}"}
        files[f"{channel.key}.json"] = about | _alone(channel)
    return files


def asyncapi() -> Schema:
    """The AsyncAPI 3.0 document, from the device's point of view."""
    every = tuple(channels())
    return {
        "asyncapi": "3.0.0",
        "id": "urn:dermscan:bus",
        "info": {
            "title": "Derm-Scan bus",
            "version": f"{SCHEMA_VERSION}.0.0",
            "description": "How the work of a skin-lesion scanner stands: never who, never what. A consumer refuses a "
            "payload with a greater schema_version and ignores topics that it does not know.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "{host}",
                "protocol": "mqtt",
                "protocolVersion": "5",
                "description": "The appliance's broker, or the clinic's (over TLS). MQTT 3.1.1 is understood too.",
                "variables": {"host": {"default": "localhost:1883", "description": "Host and port of the broker."}},
            }
        },
        "channels": {channel.key: _channel(channel) for channel in every},
        "operations": {_verb(channel) + channel.key: _operation(channel) for channel in every},
        "components": {
            "messages": {channel.key: _message(channel) for channel in every},
            "schemas": _components(every),
        },
    }


def documents() -> dict[str, str]:
    """Every generated document, by its path below the folder of the contract."""
    files = {f"schemas/{name}": schema for name, schema in schema_files().items()}
    return {
        name: json.dumps(content, indent=2) + "\n" for name, content in {"asyncapi.json": asyncapi(), **files}.items()
    }


def _alone(channel: Channel) -> Schema:
    if channel.kind is None:
        return _availability()
    _, schema = models_json_schema([(channel.kind, channel.mode)], ref_template="#/$defs/{model}")
    definitions = schema["$defs"]
    own: Schema = definitions.pop(channel.key)
    return own | ({"$defs": definitions} if definitions else {})


def _components(every: tuple[Channel, ...]) -> Schema:
    kinds = [(channel.kind, channel.mode) for channel in every if channel.kind is not None]
    _, schema = models_json_schema(kinds, ref_template="#/components/schemas/{model}")
    return {"Availability": _availability(), **schema["$defs"]}


def _availability() -> Schema:
    return {
        "title": "Availability",
        "description": Availability.__doc__,
        "type": "string",
        "enum": [word.value for word in Availability],
    }


def _channel(channel: Channel) -> Schema:
    return {
        "address": f"{ROOT}/{{device}}/{channel.name}",
        "description": channel.sentence,
        "messages": {channel.key: {"$ref": f"#/components/messages/{channel.key}"}},
        "parameters": {"device": {"description": _LABEL_WORDS, "examples": ["room-1"]}},
    }


def _operation(channel: Channel) -> Schema:
    limit = f" {COMMAND_MAX_BYTES} bytes at most; a retained one is refused." if channel.inward else ""
    return {
        "action": "receive" if channel.inward else "send",
        "channel": {"$ref": f"#/channels/{channel.key}"},
        "summary": channel.sentence + limit,
        "messages": [{"$ref": f"#/channels/{channel.key}/messages/{channel.key}"}],
        "bindings": {"mqtt": {"qos": 1, "retain": channel.retained, "bindingVersion": "0.2.0"}},
    }


def _message(channel: Channel) -> Schema:
    return {
        "name": channel.key,
        "title": channel.key,
        "summary": channel.sentence,
        "contentType": "text/plain" if channel.kind is None else "application/json",
        "payload": {"$ref": f"#/components/schemas/{channel.key}"},
    }


def _verb(channel: Channel) -> str:
    return "take" if channel.inward else "tell"


VERSION_RULES = MappingProxyType(
    {
        "within a version": "no field, no word and no bound of a payload changes; a new payload is a new topic, and a "
        "consumer ignores topics that it does not know",
        "a new version": "`schema_version` grows by one, and the schemas of the last one stay in `docs/bus/released/`",
    }
)
"""What may change without notice and what may not."""
