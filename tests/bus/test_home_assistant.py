"""Home Assistant is told of the device when asked, and of nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dermscan.bus.events import Status, WorkState
from dermscan.bus.home_assistant import discovery, discovery_topic
from dermscan.bus.topics import Topics

if TYPE_CHECKING:
    from broker import MakeBroker
    from bus.conftest import MakePublisher, Patience

TOPICS = Topics("room-1")


def test_the_description_is_made_of_constants_and_the_label() -> None:
    other = discovery(Topics("a")).replace(b"dermscan-a", b"dermscan-room-1").replace(b"dermscan/a", b"dermscan/room-1")
    assert other.replace(b"Derm-Scan a", b"Derm-Scan room-1") == discovery(TOPICS)


def test_each_part_follows_a_retained_topic_of_the_device() -> None:
    told = json.loads(discovery(TOPICS))
    assert told["availability_topic"] == TOPICS.availability
    assert {part["state_topic"] for part in told["components"].values()} == {TOPICS.status, TOPICS.health}
    assert len({part["unique_id"] for part in told["components"].values()}) == len(told["components"])
    assert told["components"]["state"]["options"] == [state.value for state in WorkState]


def test_it_is_told_when_asked_and_again_after_the_broker_has_forgotten(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto().start()
    publisher(broker.settings(home_assistant=True)).start(10)
    patience(lambda: broker.retained(discovery_topic(TOPICS)) == discovery(TOPICS).decode())
    broker.stop()
    broker.start()
    patience(lambda: broker.retained(discovery_topic(TOPICS)) == discovery(TOPICS).decode())


def test_it_is_not_told_when_not_asked(mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience) -> None:
    broker = mosquitto().start()
    bus = publisher(broker.settings())
    bus.start(10)
    bus.publish_status(Status(state=WorkState.READY))
    patience(lambda: '"ready"' in broker.retained(TOPICS.status))
    assert broker.retained("homeassistant/#") == ""
