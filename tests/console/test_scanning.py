"""An order for a scan, seen through to its end: a real broker, and a scanner that says what a test wants."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from appliance import wait_until
from broker import MakeBroker, Mosquitto
from clinic import Clinic, drawn_scan
from console.visiting import Visitor
from dermscan.console.desk import Desk
from dermscan.history import History
from dermscan.history.keys import load_master_key
from dermscan.settings import Settings

ROOM = "dermscan/room-1"


@pytest.fixture
def broker(mosquitto: MakeBroker) -> Mosquitto:
    return mosquitto(unix=True).start()


@pytest.fixture
def settings(settings: Settings, broker: Mosquitto) -> Settings:
    console = settings.console.model_copy(update={"bus": broker.settings()})
    device = settings.device.model_copy(update={"label": "room-1"})
    return settings.model_copy(update={"console": console, "device": device})


@pytest.fixture
def service(clinic: Clinic, clinician: Visitor, desk: Desk, broker: Mosquitto) -> Iterator[History]:
    """The history as the scanner holds it; an order for the first followed lesion stands."""
    broker.send(f"{ROOM}/availability", "-r", payload=b"online")
    said(broker, "status", "-r", state="ready")
    wait_until(lambda: desk.line.heard().reachable)
    lesion = lesion_of(clinician)
    clinician.get(f"/start?lesion={lesion}")
    assert clinician.post("/start", lesion=lesion).location == "/live"
    with History.open(desk.settings.history.folder, load_master_key(desk.settings.history)) as held:
        yield held
    del clinic


def lesion_of(visitor: Visitor) -> str:
    """The name of the first followed lesion."""
    return visitor.get("/lesions?search=heron-7").link('/lesion/[^"]+').removeprefix("/lesion/")


def said(broker: Mosquitto, topic: str, *options: str, **what: object) -> None:
    broker.send(f"{ROOM}/{topic}", *options, payload=json.dumps({"schema_version": 1, "seq": 0, **what}).encode())


def happened(broker: Mosquitto, kind: str, **what: object) -> None:
    said(broker, f"event/{kind}", type=kind, **what)


def hears(visitor: Visitor, wanted: str) -> dict[str, str]:
    """Listen as the live page does, until what is told has the wanted words or key."""
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    with closing(http.client.HTTPConnection("127.0.0.1", visitor.port, timeout=60)) as connection:
        connection.request("GET", "/live/events", headers={"Cookie": cookies})
        answer = connection.getresponse()
        assert answer.status == 200
        while True:
            line = answer.readline().decode()
            assert line, "the console has nothing more to say"
            if line.startswith("data: ") and wanted in line:
                return dict(json.loads(line.removeprefix("data: ")))


def test_a_filed_scan_opens_by_itself(clinician: Visitor, clinic: Clinic, broker: Mosquitto, service: History) -> None:
    said(broker, "status", state="analysing", progress=40)
    assert hears(clinician, "40")["state"] == "analysing"
    scan = drawn_scan(9)
    service.file_scan(scan, clinic.followed[0])
    happened(broker, "scan_finished")
    opened = hears(clinician, '"open"')
    assert opened["state"] == "done"
    assert clinician.get(opened["open"]).status == 200


def test_a_scan_that_was_filed_elsewhere_does_not_end_the_order(
    clinician: Visitor, clinic: Clinic, broker: Mosquitto, service: History
) -> None:
    service.file_scan(drawn_scan(8))
    happened(broker, "scan_finished")
    assert hears(clinician, "another order")["state"] == "waiting"
    service.file_scan(drawn_scan(9), clinic.followed[0])
    happened(broker, "scan_finished")
    assert hears(clinician, '"open"')["state"] == "done"


@pytest.mark.parametrize(
    ("kind", "what", "words"),
    [
        ("scan_refused", {"reason": "too_dark"}, "Too dark"),
        ("scan_failed", {"code": "storage_full"}, "storage_full"),
        ("scan_cancelled", {}, "Nothing was filed"),
        ("command_refused", {"code": "ticket_refused"}, "The scan has ended"),
    ],
)
def test_an_order_that_comes_to_nothing_says_why(
    clinician: Visitor, broker: Mosquitto, service: History, kind: str, what: dict[str, str], words: str
) -> None:
    service.file_scan(drawn_scan(8))
    happened(broker, "scan_finished")
    happened(broker, kind, **what)
    assert hears(clinician, words)["state"] == "ended"


def test_what_ended_before_the_order_is_not_taken_for_its_end(
    clinician: Visitor, broker: Mosquitto, service: History, desk: Desk
) -> None:
    before = desk.line.heard().events
    happened(broker, "scan_cancelled")
    wait_until(lambda: desk.line.heard().events > before)
    assert hears(clinician, "ended")["state"] == "ended"
    lesion = lesion_of(clinician)
    assert clinician.post("/start", lesion=lesion).location == "/live"
    said(broker, "status", state="hold_still")
    assert hears(clinician, "hold_still")["state"] == "hold_still"
    assert service.count() == 5


def test_a_broker_that_goes_away_is_told_and_its_return_too(
    clinician: Visitor, broker: Mosquitto, service: History, desk: Desk
) -> None:
    broker.stop()
    assert hears(clinician, "The scanner is away")["state"] == "away"
    broker.start()
    broker.send(f"{ROOM}/availability", "-r", payload=b"online")
    said(broker, "status", "-r", state="framing", guidance="too_dark")
    assert "Too dark" in hears(clinician, "framing")["detail"]
    assert desk.line.heard().reachable
    del service
