"""What a real Mosquitto is told, as mosquitto_sub sees it."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dermscan.bus.events import (
    CameraBack,
    CameraLost,
    Event,
    Health,
    HealthCode,
    ScanFailed,
    ScanFinished,
    ScanRefused,
    ScanStarted,
    Status,
    WorkState,
)
from dermscan.bus.outbox import EVENTS_MAX
from dermscan.bus.publisher import BusPublisher
from dermscan.domain import RejectReason

if TYPE_CHECKING:
    from broker import MakeBroker
    from bus.conftest import MakePublisher, Patience

READY = Status(state=WorkState.READY)


def test_birth_status_health_and_farewell_are_retained(mosquitto: MakeBroker, publisher: MakePublisher) -> None:
    broker = mosquitto().start()
    witness = broker.witness()
    bus = publisher(broker.settings())
    bus.publish_status(READY)
    bus.publish_health(Health(scans_filed=3))
    bus.start(10)
    assert bus.connected
    witness.await_payload("/availability", "online")
    witness.await_payload("/status", '"ready"')
    witness.await_payload("/health", '"scans_filed":3')
    assert broker.retained("dermscan/room-1/availability") == "online"
    assert json.loads(broker.retained("dermscan/room-1/status"))["state"] == "ready"
    assert json.loads(broker.retained("dermscan/room-1/health"))["scans_filed"] == 3
    began = time.monotonic()
    bus.stop()
    assert time.monotonic() - began < 1.0
    assert broker.retained("dermscan/room-1/availability") == "stopped"


def test_the_last_status_before_stopping_arrives(mosquitto: MakeBroker, publisher: MakePublisher) -> None:
    broker = mosquitto().start()
    bus = publisher(broker.settings())
    bus.start(10)
    bus.publish_status(Status(state=WorkState.STOPPING))
    bus.stop()
    assert '"stopping"' in broker.retained("dermscan/room-1/status")
    assert broker.retained("dermscan/room-1/availability") == "stopped"


def test_events_come_in_order_on_their_topics_and_are_not_retained(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto().start()
    witness = broker.witness("dermscan/room-1/event/#")
    bus = publisher(broker.settings())
    bus.start(10)
    events: list[Event] = [
        ScanStarted(),
        ScanFinished(),
        ScanRefused(reason=RejectReason.GLARE),
        ScanFailed(code=HealthCode.STORAGE_FULL),
        CameraLost(),
        CameraBack(),
    ]

    # The witness subscribes in its own time
    def heard() -> bool:
        bus.publish_event(CameraBack())
        return bool(witness.seen())

    patience(heard)
    before = len(witness.seen())
    for event in events:
        bus.publish_event(event)
    patience(lambda: any('"glare"' in payload for _, _, payload in witness.seen()))
    patience(lambda: witness.seen()[-1][0].endswith("camera_back"))
    told = [topic.removeprefix("dermscan/room-1/event/") for topic, _, _ in witness.seen()]
    assert told[-len(events) :] == [event.type for event in events]
    assert before >= 1
    assert not any(retained for _, retained, _ in witness.seen())
    assert broker.retained("dermscan/room-1/event/#") == ""


def test_seq_grows_over_all_topics(mosquitto: MakeBroker, publisher: MakePublisher) -> None:
    broker = mosquitto().start()
    witness = broker.witness()
    bus = publisher(broker.settings())
    bus.start(10)
    bus.publish_status(READY)
    witness.await_payload("/status", '"ready"')
    for progress in range(101):
        bus.publish_status(Status(state=WorkState.ANALYSING, progress=progress))
        bus.publish_event(ScanStarted())
    witness.await_payload("/status", '"progress":100')
    numbers = [json.loads(payload)["seq"] for topic, _, payload in witness.seen() if "availability" not in topic]
    assert numbers == sorted(set(numbers))


def test_many_threads_publish_at_once(mosquitto: MakeBroker, publisher: MakePublisher) -> None:
    broker = mosquitto().start()
    witness = broker.witness("dermscan/room-1/status")
    bus = publisher(broker.settings())
    bus.start(10)

    def work() -> None:
        for progress in range(50):
            bus.publish_status(Status(state=WorkState.ANALYSING, progress=progress))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bus.publish_status(READY)
    witness.await_payload("/status", '"ready"')
    numbers = [json.loads(payload)["seq"] for _, _, payload in witness.seen()]
    assert numbers == sorted(set(numbers))


def test_a_killed_process_leaves_its_will(mosquitto: MakeBroker) -> None:
    broker = mosquitto(unix=True).start()
    script = (
        "import sys, time\n"
        "from dermscan.bus.publisher import BusPublisher\n"
        "from dermscan.settings import BusSettings\n"
        "bus = BusPublisher(BusSettings(socket=sys.argv[1]), 'room-9', on_command=print)\n"
        "bus.start(10)\n"
        "print(bus.connected, flush=True)\n"
        "time.sleep(600)\n"
    )
    witness = broker.witness()
    with subprocess.Popen(
        [sys.executable, "-c", script, str(broker.socket_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "True"
        witness.await_payload("room-9/availability", "online")
        process.send_signal(signal.SIGKILL)
        witness.await_payload("room-9/availability", "offline")
    assert broker.retained("dermscan/room-9/availability") == "offline"


@pytest.mark.parametrize("transport", ["tcp", "unix"])
def test_state_is_right_within_two_seconds_of_the_brokers_return(
    mosquitto: MakeBroker,
    publisher: MakePublisher,
    patience: Patience,
    transport: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    broker = mosquitto(unix=transport == "unix").start()
    bus = publisher(broker.settings())
    bus.start(10)
    bus.publish_status(READY)
    bus.publish_health(Health(scans_filed=7))
    patience(lambda: broker.retained("dermscan/room-1/status") != "")
    broker.stop()
    patience(lambda: not bus.connected)
    for progress in range(20):
        bus.publish_status(Status(state=WorkState.ANALYSING, progress=progress))
    bus.publish_event(ScanFinished())
    broker.start()
    returned = time.monotonic()
    witness = broker.witness()
    witness.await_payload("/status", '"progress":19', patience_s=10)
    assert time.monotonic() - returned < 2.0
    witness.await_payload("/availability", "online")
    _, _, health = witness.await_payload("/health", '"scans_filed":7')
    assert json.loads(health)["codes"] == ["broker_was_away"]
    # Nineteen statuses were overtaken and one event fell out, and maybe what was under way when the broker died
    assert json.loads(health)["coalesced"] >= 20
    said = [record.message for record in caplog.records if record.name == "dermscan.bus.link"]
    assert said == ["The broker is away; scanning goes on and it is tried again", "The broker is back"]


def test_an_absent_broker_is_no_error_and_is_found_later(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto(unix=True)
    bus = publisher(broker.settings())
    bus.start(5)
    assert not bus.connected
    bus.publish_status(READY)
    broker.start()
    patience(lambda: bus.connected)
    patience(lambda: broker.retained("dermscan/room-1/status") != "")


def test_publishing_while_the_broker_is_away_neither_blocks_nor_grows(
    mosquitto: MakeBroker, publisher: MakePublisher
) -> None:
    bus = publisher(mosquitto().settings())
    bus.start(5)
    began = time.monotonic()
    for number in range(10_000):
        bus.publish_status(Status(state=WorkState.ANALYSING, progress=number % 101))
        bus.publish_health(Health(scans_filed=number))
        bus.publish_event(ScanStarted())
    assert time.monotonic() - began < 10.0
    assert len(bus._outbox._waiting) == 3
    assert bus._outbox.coalesced == 10_000 + 2 * 9_999


def test_after_an_hour_s_absence_the_state_is_right_and_what_was_lost_is_told(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto()
    bus = publisher(broker.settings())
    bus.start(5)
    for number in range(3600):
        bus.publish_status(Status(state=WorkState.ANALYSING, progress=number % 101))
        bus.publish_health(Health(scans_filed=number))
        bus.publish_event(ScanStarted())
    bus.publish_status(Status(state=WorkState.DONE, progress=100))
    broker.start()
    patience(lambda: bus.connected)
    patience(lambda: '"done"' in broker.retained("dermscan/room-1/status"))
    told = Health.model_validate_json(broker.retained("dermscan/room-1/health"))
    assert told.scans_filed == 3599
    assert told.coalesced == 3600 + 3600 + 3599


def test_publishing_to_a_frozen_broker_neither_blocks_nor_grows(
    mosquitto: MakeBroker, publisher: MakePublisher
) -> None:
    broker = mosquitto(unix=True).start()
    bus = publisher(broker.settings())
    bus.start(10)
    witness = broker.witness()
    witness.await_payload("/availability", "online")
    broker.freeze()
    for number in range(2_000):
        bus.publish_status(Status(state=WorkState.ANALYSING, progress=number % 101))
        bus.publish_event(ScanStarted())
    assert len(bus._outbox._waiting) <= EVENTS_MAX + 3
    assert bus._outbox.coalesced > 1_000
    broker.thaw()
    bus.publish_status(Status(state=WorkState.DONE, progress=100))
    witness.await_payload("/status", '"done"')


def test_stopping_while_the_broker_is_frozen_takes_less_than_a_second(
    mosquitto: MakeBroker, publisher: MakePublisher
) -> None:
    broker = mosquitto(unix=True).start()
    bus = publisher(broker.settings())
    bus.start(10)
    broker.freeze()
    began = time.monotonic()
    bus.stop()
    assert time.monotonic() - began < 1.3


def test_a_second_client_of_the_same_name_is_noticed(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto().start()
    bus = publisher(broker.settings())
    bus.start(10)
    twin: BusPublisher = publisher(broker.settings())
    twin.start(10)
    patience(lambda: HealthCode.IDENTITY_IN_USE in bus._troubles)
    twin.stop()
    patience(lambda: bus.connected)
    bus.publish_health(Health())
    patience(lambda: "identity_in_use" in broker.retained("dermscan/room-1/health"))
    assert any("Another client" in record.message for record in caplog.records)


def test_a_broker_that_goes_up_and_down_is_not_taken_for_a_second_client(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto(unix=True).start()
    bus = publisher(broker.settings())
    bus.start(10)
    for _ in range(6):
        broker.stop()
        patience(lambda: not bus.connected and bus._link._cut_short == 0)
        broker.start()
        patience(lambda: bus.connected)
    assert HealthCode.IDENTITY_IN_USE not in bus._troubles
    assert HealthCode.BROKER_WAS_AWAY in bus._troubles


def test_a_disabled_bus_says_nothing(mosquitto: MakeBroker, publisher: MakePublisher) -> None:
    broker = mosquitto().start()
    bus = publisher(broker.settings(enabled=False))
    bus.start(5)
    bus.publish_status(READY)
    bus.stop()
    assert not bus.connected
    assert broker.retained("dermscan/#") == ""


def test_publishing_after_the_end_is_harmless(mosquitto: MakeBroker, publisher: MakePublisher) -> None:
    bus = publisher(mosquitto().start().settings())
    bus.start(10)
    bus.stop()
    bus.stop()
    bus.publish_status(READY)
    bus.publish_event(ScanStarted())
