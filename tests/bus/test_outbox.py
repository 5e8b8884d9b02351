"""The outbox loses nothing uncounted, keeps the last state and never grows, whatever happens in whatever order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dermscan.bus.outbox import EVENTS_MAX, Outbox, Parcel

TOPICS = st.sampled_from(["status", "health"])


def test_state_is_sent_again_after_every_connect() -> None:
    outbox = Outbox()
    outbox.put_state("availability", b"online")
    outbox.put_state("status", b"1")
    for _ in range(3):
        outbox.open()
        taken = [outbox.take(), outbox.take(), outbox.take()]
        assert taken == [Parcel("availability", b"online", retain=True), Parcel("status", b"1", retain=True), None]
        outbox.close(0)
    assert outbox.coalesced == 0


def test_an_overtaken_state_is_counted_and_goes_to_the_end() -> None:
    outbox = Outbox()
    outbox.open()
    outbox.put_state("status", b"1")
    outbox.put_event("event", b"2")
    outbox.put_state("status", b"3")
    assert outbox.take() == Parcel("event", b"2", retain=False)
    assert outbox.take() == Parcel("status", b"3", retain=True)
    assert outbox.coalesced == 1


def test_a_refreshed_state_is_not_counted() -> None:
    outbox = Outbox()
    outbox.put_state("health", b"1")
    outbox.refresh_state("health", b"2")
    assert outbox.coalesced == 0
    assert outbox.take() == Parcel("health", b"2", retain=True)


def test_an_event_is_news_or_nothing() -> None:
    outbox = Outbox()
    outbox.put_event("event", b"1")
    outbox.open()
    assert outbox.take() is None
    assert outbox.coalesced == 1
    outbox.put_event("event", b"2")
    outbox.close(unacknowledged_events=3)
    outbox.open()
    assert outbox.take() is None
    assert outbox.coalesced == 5


def test_the_oldest_event_falls_out_when_too_many_wait() -> None:
    outbox = Outbox()
    outbox.open()
    for number in range(EVENTS_MAX + 10):
        outbox.put_event("event", str(number).encode())
    assert outbox.coalesced == 10
    first = outbox.take()
    assert first is not None
    assert first.payload == b"10"


class OutboxMachine(RuleBasedStateMachine):
    """Every message put in is taken out, waits, or was counted."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox()
        self.is_open = False
        self.events_put = self.events_taken = self.states_overtaken = 0
        self.last: dict[str, bytes] = {}
        self.waiting: set[str] = set()
        self.number = 0

    def fresh(self) -> bytes:
        self.number += 1
        return str(self.number).encode()

    @rule(topic=TOPICS)
    def put_state(self, topic: str) -> None:
        self.states_overtaken += topic in self.waiting
        self.last[topic] = self.fresh()
        self.waiting.add(topic)
        self.outbox.put_state(topic, self.last[topic])

    @rule(times=st.integers(1, 2 * EVENTS_MAX))
    def put_events(self, times: int) -> None:
        for _ in range(times):
            self.events_put += 1
            self.outbox.put_event("event", self.fresh())

    @rule()
    def connect(self) -> None:
        if not self.is_open:
            self.is_open = True
            self.waiting = set(self.last)
            self.outbox.open()

    @rule()
    def disconnect(self) -> None:
        if self.is_open:
            self.is_open = False
            self.outbox.close(0)

    @rule()
    def take(self) -> None:
        parcel = self.outbox.take()
        if parcel is None:
            assert not self.waiting
        elif parcel.retain:
            assert parcel.payload == self.last[parcel.topic]
            self.waiting.remove(parcel.topic)
        else:
            self.events_taken += 1

    @invariant()
    def nothing_is_lost_uncounted(self) -> None:
        waiting = self.outbox._events
        assert waiting <= EVENTS_MAX
        assert len(self.outbox._waiting) == waiting + len(self.waiting)
        events_lost = self.events_put - self.events_taken - waiting
        assert self.outbox.coalesced == events_lost + self.states_overtaken


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
