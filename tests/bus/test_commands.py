"""What comes in: good commands are carried out, everything else is refused, counted, and harms nothing."""

from __future__ import annotations

import json
import random
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermscan.bus.events import (
    COMMAND_MAX_BYTES,
    Command,
    CommandCancel,
    CommandRefusal,
    CommandScan,
    Health,
    Status,
    WorkState,
)
from dermscan.bus.intake import BURST, REMEMBERED_TICKETS, CommandIntake
from dermscan.bus.publisher import BusPublisher
from dermscan.settings import BusSettings

if TYPE_CHECKING:
    from broker import MakeBroker
    from bus.conftest import MakePublisher, Patience

TICKET = "AbCdEfGhIjKlMnOpQrStUvWxYz_-0123" * 2
GOOD = b'{"schema_version":1}'
TOPIC = "dermscan/room-1/command/scan"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def judged(payload: bytes, *, retained: bool = False, redelivered: bool = False) -> Command | CommandRefusal:
    return CommandIntake(Clock()).judge(CommandScan, payload, retained=retained, redelivered=redelivered)


def ticketed(ticket: str) -> bytes:
    return json.dumps({"schema_version": 1, "ticket": ticket}).encode()


def test_a_good_command_passes() -> None:
    assert judged(GOOD) == CommandScan(schema_version=1)
    assert judged(ticketed(TICKET)) == CommandScan(schema_version=1, ticket=TICKET)


MALFORMED = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"null",
    b"1",
    b"[]",
    b"{}",
    b'"scan"',
    b"{",
    b'{"schema_version":1',
    b'{"schema_version":1}}',
    b'{"schema_version":1,}',
    b"{'schema_version':1}",
    b'{"schema_version":0}',
    b'{"schema_version":2}',
    b'{"schema_version":-1}',
    b'{"schema_version":"1"}',
    b'{"schema_version":1.5}',
    b'{"schema_version":true}',
    b'{"schema_version":null}',
    b'{"schema_version":[1]}',
    b'{"schema_version":NaN}',
    b'{"schema_version":1e400}',
    b'{"schema_version":1,"ticket":""}',
    b'{"schema_version":1,"ticket":1}',
    b'{"schema_version":1,"ticket":[]}',
    b'{"schema_version":1,"ticket":{}}',
    b'{"schema_version":1,"ticket":true}',
    b'{"schema_version":1,"lesion":"x"}',
    b'{"schema_version":1,"subject":null}',
    b'{"Schema_version":1}',
    b"[" * COMMAND_MAX_BYTES,
    b'{"a":' * 40,
    ticketed(TICKET[:-1]),
    ticketed(TICKET + "A"),
    ticketed(TICKET[:-1] + "="),
    ticketed(TICKET[:-1] + "\n"),
    ticketed(TICKET + "\n"),
    ticketed(TICKET[:-1] + "é"),
    ticketed("../../../etc/passwd".ljust(64, ".")),
    ticketed("' OR 1=1 --".ljust(64)),
]


@pytest.mark.parametrize("payload", MALFORMED)
def test_a_malformed_command_is_refused(payload: bytes) -> None:
    assert judged(payload) is CommandRefusal.MALFORMED


def test_an_oversized_command_is_not_even_read() -> None:
    assert judged(GOOD.ljust(COMMAND_MAX_BYTES)) == CommandScan(schema_version=1)
    assert judged(GOOD.ljust(COMMAND_MAX_BYTES + 1)) is CommandRefusal.OVERSIZED


def test_a_command_of_the_past_is_refused() -> None:
    assert judged(GOOD, retained=True) is CommandRefusal.RETAINED
    assert judged(GOOD, redelivered=True) is CommandRefusal.DUPLICATE


def test_a_ticket_counts_once() -> None:
    intake = CommandIntake(Clock())
    assert isinstance(intake.judge(CommandScan, ticketed(TICKET), retained=False, redelivered=False), CommandScan)
    assert intake.judge(CommandScan, ticketed(TICKET), retained=False, redelivered=False) is CommandRefusal.DUPLICATE
    assert intake.refused == 1


def test_a_flood_is_refused_and_the_rate_recovers() -> None:
    clock = Clock()
    intake = CommandIntake(clock)
    verdicts = [intake.judge(CommandScan, GOOD, retained=False, redelivered=False) for _ in range(1000)]
    assert sum(isinstance(verdict, CommandScan) for verdict in verdicts) == BURST
    assert intake.refused == 1000 - BURST
    clock.now += 1.0
    again = [intake.judge(CommandScan, GOOD, retained=False, redelivered=False) for _ in range(10)]
    assert sum(isinstance(verdict, CommandScan) for verdict in again) == 1
    clock.now += 1e9
    later = [intake.judge(CommandScan, GOOD, retained=False, redelivered=False) for _ in range(100)]
    assert sum(isinstance(verdict, CommandScan) for verdict in later) == BURST


def test_a_flood_of_orders_keeps_nobody_from_breaking_one_off() -> None:
    intake = CommandIntake(Clock())
    for _ in range(100):
        intake.judge(CommandScan, GOOD, retained=False, redelivered=False)
    cancel = intake.judge(CommandCancel, GOOD, retained=False, redelivered=False)
    assert cancel == CommandCancel(schema_version=1)
    assert intake.judge(CommandCancel, ticketed(TICKET), retained=False, redelivered=False) is CommandRefusal.MALFORMED


def test_noise_does_not_use_up_the_rate() -> None:
    intake = CommandIntake(Clock())
    for _ in range(1000):
        assert intake.judge(CommandScan, b"noise", retained=False, redelivered=False) is CommandRefusal.MALFORMED
    assert isinstance(intake.judge(CommandScan, GOOD, retained=False, redelivered=False), CommandScan)


def test_remembered_tickets_do_not_grow() -> None:
    clock = Clock()
    intake = CommandIntake(clock)
    for number in range(3 * REMEMBERED_TICKETS):
        clock.now += 10
        intake.judge(CommandScan, ticketed(f"{number:064d}"), retained=False, redelivered=False)
    assert len(intake._tickets) == REMEMBERED_TICKETS
    assert intake.refused == 0


@given(st.binary(max_size=2 * COMMAND_MAX_BYTES), st.booleans(), st.booleans())
@settings(deadline=None)
def test_any_bytes_get_a_verdict(payload: bytes, retained: bool, redelivered: bool) -> None:  # noqa: FBT001 - drawn
    verdict = judged(payload, retained=retained, redelivered=redelivered)
    assert isinstance(verdict, CommandRefusal)


def mutated(chance: random.Random) -> bytes:
    """A command with something wrong about it."""
    payload = bytearray(chance.choice([GOOD, ticketed(TICKET), *MALFORMED]))
    for _ in range(chance.randint(1, 6)):
        place = chance.randint(0, len(payload))
        if chance.random() < 0.5:
            payload[place:place] = chance.randbytes(chance.randint(1, 80))
        else:
            del payload[place : place + chance.randint(1, 8)]
    return bytes(payload)


def test_two_hundred_bad_commands_on_a_real_broker_harm_nothing(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto().start()
    carried_out: list[Command] = []
    bus = publisher(broker.settings(), on_command=carried_out.append)
    bus.start(10)
    patience(lambda: broker.retained("dermscan/room-1/availability") == "online")
    chance = random.Random(20)  # noqa: S311 - the same every time is what is wanted
    bad = [*MALFORMED, *(mutated(chance) for _ in range(200 - len(MALFORMED)))]
    bad = [payload for payload in bad if isinstance(judged(payload), CommandRefusal)]
    assert len(bad) > 150
    for number, payload in enumerate(bad):
        arguments = [["-q", "0"], ["-q", "2"], ["-V", "mqttv5"], ["-r"]][number % 4]
        broker.send(TOPIC, *arguments, payload=payload)
    patience(lambda: bus._intake.refused >= len(bad))
    assert carried_out == []
    broker.send(TOPIC, payload=ticketed(TICKET))
    patience(lambda: carried_out == [CommandScan(schema_version=1, ticket=TICKET)])
    bus.publish_status(Status(state=WorkState.READY))
    bus.publish_health(Health())
    patience(lambda: '"ready"' in broker.retained("dermscan/room-1/status"))
    told = Health.model_validate_json(broker.retained("dermscan/room-1/health"))
    assert told.commands_refused == len(bad)
    assert told.codes == {"commands_refused"}


def test_a_retained_command_is_refused_live_and_at_every_connect(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto().start()
    broker.send(TOPIC, "-r", payload=GOOD)
    carried_out: list[Command] = []
    bus = publisher(broker.settings(), on_command=carried_out.append)
    bus.start(10)
    patience(lambda: broker.retained("dermscan/room-1/availability") == "online")
    patience(lambda: bus._intake.refused == 1)
    broker.send(TOPIC, "-r", payload=GOOD)
    patience(lambda: bus._intake.refused == 2)
    assert carried_out == []


def test_a_flood_on_a_real_broker_is_counted_and_told_sparingly(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto().start()
    witness = broker.witness("dermscan/room-1/event/command_refused")
    carried_out: list[Command] = []
    bus = publisher(broker.settings(), on_command=carried_out.append)
    bus.start(10)
    patience(lambda: broker.retained("dermscan/room-1/availability") == "online")
    broker.send(TOPIC, "--repeat", "1000", payload=GOOD)
    patience(lambda: bus._intake.refused + len(carried_out) >= 1000)
    assert 1 <= len(carried_out) < 60
    bus.publish_status(Status(state=WorkState.READY))
    patience(lambda: '"ready"' in broker.retained("dermscan/room-1/status"))
    assert len(witness.seen()) < 60


def test_a_slow_handler_makes_further_commands_busy_and_blocks_nothing(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto().start()
    let_go = threading.Event()
    bus = publisher(broker.settings(), on_command=lambda _: let_go.wait(60) and None)
    bus.start(10)
    patience(lambda: broker.retained("dermscan/room-1/availability") == "online")
    broker.send(TOPIC, payload=GOOD)
    broker.send(TOPIC, payload=GOOD)
    patience(lambda: bus._intake.refused == 1)
    bus.publish_status(Status(state=WorkState.READY))
    patience(lambda: '"ready"' in broker.retained("dermscan/room-1/status"))
    let_go.set()


def test_a_failing_handler_is_reported_and_the_next_command_is_taken(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto().start()
    seen: list[Command] = []

    def fail(command: Command) -> None:
        seen.append(command)
        message = "canary"
        raise ZeroDivisionError(message)

    bus = publisher(broker.settings(), on_command=fail)
    bus.start(10)
    patience(lambda: broker.retained("dermscan/room-1/availability") == "online")
    broker.send(TOPIC, payload=GOOD)
    patience(lambda: any("ZeroDivisionError" in record.message for record in caplog.records))
    patience(bus._handling[CommandScan].done)
    broker.send(TOPIC, payload=GOOD)
    patience(lambda: len(seen) == 2)
    assert bus.connected
    assert "canary" not in caplog.text


def test_the_daemon_can_refuse_a_command_that_passed(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto().start()
    bus = publisher(broker.settings())
    bus.start(10)
    patience(lambda: broker.retained("dermscan/room-1/availability") == "online")
    bus.refuse_command(CommandRefusal.TICKET_REFUSED)
    bus.publish_health(Health())
    patience(lambda: '"commands_refused":1' in broker.retained("dermscan/room-1/health"))


def test_a_cancel_is_taken_while_an_order_is_being_taken(
    mosquitto: MakeBroker, publisher: MakePublisher, patience: Patience
) -> None:
    broker = mosquitto().start()
    let_go = threading.Event()
    taken: list[Command] = []

    def take(command: Command) -> None:
        let_go.wait(60)
        taken.append(command)

    bus = publisher(broker.settings(), on_command=take)
    bus.start(10)
    patience(lambda: broker.retained("dermscan/room-1/availability") == "online")
    broker.send(TOPIC, payload=GOOD)
    broker.send("dermscan/room-1/command/cancel", payload=GOOD)
    broker.send("dermscan/room-1/command/other", payload=GOOD)
    patience(lambda: CommandCancel in bus._handling)
    let_go.set()
    patience(lambda: taken == [CommandScan(schema_version=1), CommandCancel(schema_version=1)])
    assert bus._intake.refused == 0


@pytest.mark.parametrize("topic", ["", "dermscan/room-1/command/other", "dermscan/room-2/command/scan"])
def test_a_topic_that_nobody_asked_for_is_refused(topic: str) -> None:
    taken: list[Command] = []
    bus = BusPublisher(BusSettings(), "room-1", on_command=taken.append)
    bus._take_command(topic, GOOD, False, False)
    bus.stop()
    assert bus._intake.refused == 1
    assert taken == []
