"""Commands against the real service and a real Mosquitto: what is not a good command changes nothing at all."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from appliance import Appliance, Running, wait_until
from broker import MakeBroker, Mosquitto, Witness
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings

ROOT = "dermscan/room-1"
SCAN, CANCEL = f"{ROOT}/command/scan", f"{ROOT}/command/cancel"
ELSEWHERE = [f"{ROOT}/command", f"{SCAN}/more", f"{ROOT}/command/format", "dermscan/room-2/command/scan", f"/{SCAN}"]
GOOD = '{"schema_version":1}'
CASES = 400
FLOOD = 1000


@dataclass(frozen=True)
class Case:
    """One message that nobody should obey."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: tuple[tuple[str, object], ...] = field(default=())


def ticketed(chance: random.Random) -> str:
    """An order whose ticket has the right form and was never issued."""
    ticket = "".join(chance.choices("abcXYZ019-_", k=64))
    return json.dumps({"schema_version": 1, "ticket": ticket})


def payloads(chance: random.Random) -> bytes:
    """Something that is no good command for either topic."""
    spoilt = bytearray(GOOD.encode())
    spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(7)
    return chance.choice(
        [
            bytes(spoilt),
            chance.randbytes(chance.randint(0, 300)),
            GOOD.encode()[: chance.randint(0, len(GOOD) - 1)],
            json.dumps({"schema_version": chance.choice([0, 2, -1, "1", None, True, 1.5, [], 2**70])}).encode(),
            json.dumps({"schema_version": 1, chance.choice(["lesion", "seq", "type", ""]): chance.random()}).encode(),
            json.dumps({"schema_version": 1, "ticket": chance.choice(["", "a" * 63, "é" * 64, 7, [], {}])}).encode(),
            GOOD.encode().ljust(chance.randint(257, 15_000)),
            b"[" * chance.randint(1, 5000),
            b'{"schema_version":1}' * 2,
        ]
    )


PROPERTIES: list[tuple[tuple[str, object], ...]] = [
    (),
    (("UserProperty", ("scan", "now")),),
    (("ContentType", "application/json"),),
    (("MessageExpiryInterval", 600),),
    (("ResponseTopic", f"{ROOT}/status"), ("CorrelationData", b"\x00\xff")),
    (("UserProperty", ("x" * 2000, "y" * 2000)),),
]


def case(chance: random.Random) -> Case:
    """A malformed message, a well-formed one that comes too late or for nothing, or one that goes elsewhere."""
    properties = chance.choice(PROPERTIES)
    kind = chance.random()
    qos = chance.randrange(3)
    if kind < 0.08:
        return Case(chance.choice(ELSEWHERE), GOOD.encode(), qos, properties=properties)
    if kind < 0.16:
        return Case(chance.choice([SCAN, CANCEL]), GOOD.encode(), qos, retain=True, properties=properties)
    if kind < 0.24:
        return Case(SCAN, ticketed(chance).encode(), qos, properties=properties)
    if kind < 0.32:
        return Case(CANCEL, GOOD.encode(), qos, properties=properties)
    payload = payloads(chance)
    retain = chance.random() < 0.2
    return Case(chance.choice([SCAN, CANCEL]), payload, qos, retain, properties)


@contextmanager
def sender(broker: Mosquitto) -> Iterator[Client]:
    """A client that sends what it is told to, in MQTT 5."""
    client = Client(CallbackAPIVersion.VERSION2, transport="unix", protocol=MQTTProtocolVersion.MQTTv5)
    client.connect(str(broker.socket_path), 1)
    client.loop_start()
    wait_until(client.is_connected)
    yield client
    client.disconnect()
    client.loop_stop()


def send(client: Client, message: Case) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    for name, value in message.properties:
        setattr(properties, name, value)
    sent = client.publish(message.topic, message.payload, message.qos, message.retain, properties)
    sent.wait_for_publish(20)


def opened(appliance: Appliance) -> History:
    settings = HistorySettings(folder=appliance.history, key_file=appliance.key_file)
    return History.open(appliance.history, load_master_key(settings))


@dataclass(frozen=True)
class Waiting:
    """A service that waits for an order, its broker, and who listens to its status and to its events."""

    running: Running
    broker: Mosquitto
    status: Witness
    events: Witness


@pytest.fixture
def waiting(appliance: Appliance, mosquitto: MakeBroker) -> Waiting:
    """A service that scans on command only, in view of a lesion."""
    broker = mosquitto(unix=True).start()
    status, events = broker.witness(f"{ROOT}/status"), broker.witness(f"{ROOT}/event/#")
    appliance.sections["bus"] = {"transport": "unix", "socket": broker.socket_path}
    appliance.sections["scan"]["automatic"] = False
    running = appliance.start()
    status.await_payload("status", "hold_still", 60)
    return Waiting(running, broker, status, events)


def refused(broker: Mosquitto) -> int:
    return int(json.loads(broker.retained(f"{ROOT}/health"))["commands_refused"])


def test_four_hundred_bad_messages_and_a_flood_change_nothing(appliance: Appliance, waiting: Waiting) -> None:
    broker = waiting.broker
    chance = random.Random(5)  # noqa: S311 - the same every time is what is wanted
    cases = [case(chance) for _ in range(CASES)]
    arrived = sum(message.topic in (SCAN, CANCEL) for message in cases)
    assert arrived > 300
    with sender(broker) as client:
        for message in cases:
            send(client, message)
        wait_until(lambda: refused(broker) == arrived)
        for number in range(FLOOD):
            client.publish([SCAN, CANCEL][number % 2], b"noise", 1)
        wait_until(lambda: refused(broker) == arrived + FLOOD)
        for topic in (SCAN, CANCEL):
            client.publish(topic, b"", 1, retain=True).wait_for_publish(20)
    assert waiting.running.process.poll() is None
    states = {json.loads(payload)["state"] for _, _, payload in waiting.status.seen()}
    assert states <= {"starting", "ready", "framing", "hold_still"}
    assert {topic for topic, _, _ in waiting.events.seen()} == {f"{ROOT}/event/command_refused"}
    assert "Traceback" not in waiting.running.said
    ticket = appliance.call("bus", "ticket").stdout.strip()
    broker.send(SCAN, payload=json.dumps({"schema_version": 1, "ticket": ticket}).encode())
    waiting.events.await_payload("event/scan_finished", "scan_finished", 60)
    waiting.running.stop()
    with opened(appliance) as history:
        assert history.count() == 1


def test_a_scan_that_waits_for_a_good_picture_is_broken_off(appliance: Appliance, mosquitto: MakeBroker) -> None:
    broker = mosquitto(unix=True).start()
    witness = broker.witness()
    appliance.sections["bus"] = {"transport": "unix", "socket": broker.socket_path}
    appliance.sections["scan"]["automatic"] = False
    appliance.sections["camera.faults"] = {"darkness": 1.0}
    with opened(appliance) as history:
        lesion = history.create_lesion()
        ticket = history.issue_ticket(lesion, timedelta(minutes=5))
    running = appliance.start()
    witness.await_payload("status", "too_dark", 60)
    broker.send(SCAN, payload=json.dumps({"schema_version": 1, "ticket": ticket}).encode())
    broker.send(CANCEL, payload=GOOD.encode())
    witness.await_payload("event/scan_cancelled", "scan_cancelled")
    broker.send(CANCEL, payload=GOOD.encode())
    witness.await_payload("event/command_refused", "nothing_to_cancel")
    running.stop()
    with opened(appliance) as history:
        assert history.count() == 0


def test_an_expired_ticket_is_refused(appliance: Appliance, waiting: Waiting) -> None:
    broker = waiting.broker
    settings = HistorySettings(folder=appliance.history, key_file=appliance.key_file)
    with History.open(appliance.history, load_master_key(settings), create=False, read_only=True) as reader:
        ticket = reader.issue_ticket(None, timedelta(seconds=-1))
    broker.send(SCAN, payload=json.dumps({"schema_version": 1, "ticket": ticket}).encode())
    waiting.events.await_payload("event/command_refused", "ticket_refused")
    waiting.running.stop()
