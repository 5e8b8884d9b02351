"""The device's description for Home Assistant, where the settings ask for it. Made of constants and the device's label.

Source: Home Assistant, "MQTT discovery", device discovery payload (since 2024.11).
"""

import json
from typing import Any

from dermscan import __version__
from dermscan.bus.events import Availability, WorkState
from dermscan.bus.topics import Topics


def discovery_topic(topics: Topics) -> str:
    """Where Home Assistant looks for it; retained."""
    return f"homeassistant/device/dermscan-{topics.device}/config"


def discovery(topics: Topics) -> bytes:
    """The description: how the work stands, how far it is, how many scans were filed, and whether anything is wrong."""
    name = f"dermscan-{topics.device}"
    description = {
        "device": {"identifiers": [name], "name": f"Derm-Scan {topics.device}", "sw_version": __version__},
        "origin": {"name": "Derm-Scan", "sw_version": __version__},
        "availability_topic": topics.availability,
        "availability_template": f"{{{{ 'online' if value == '{Availability.ONLINE}' else 'offline' }}}}",
        "qos": 1,
        "components": {key: part | {"unique_id": f"{name}-{key}"} for key, part in _components(topics).items()},
    }
    return json.dumps(description, separators=(",", ":")).encode()


def _components(topics: Topics) -> dict[str, dict[str, Any]]:
    return {
        "state": {
            "platform": "sensor",
            "name": "State",
            "device_class": "enum",
            "options": [state.value for state in WorkState],
            "state_topic": topics.status,
            "value_template": "{{ value_json.state }}",
        },
        "progress": {
            "platform": "sensor",
            "name": "Progress",
            "unit_of_measurement": "%",
            "state_topic": topics.status,
            "value_template": "{{ value_json.progress }}",
        },
        "scans": {
            "platform": "sensor",
            "name": "Scans filed",
            "state_class": "total_increasing",
            "state_topic": topics.health,
            "value_template": "{{ value_json.scans_filed }}",
        },
        "problem": {
            "platform": "binary_sensor",
            "name": "Problem",
            "device_class": "problem",
            "state_topic": topics.health,
            "value_template": "{{ 'ON' if value_json.codes else 'OFF' }}",
        },
    }
