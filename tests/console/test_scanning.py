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
from dermscan.console.line import ScannerLine
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


def test_a_new_lesion_is_recorded_with_its_order_and_not_under_a_bad_alias(
    clinician: Visitor, service: History, desk: Desk
) -> None:
    clinician.get("/start")
    before = len(service.followed())
    refused = clinician.post("/start", alias="finch/1", site="73897004", side="U")
    assert (refused.status, "Never a name" in refused.text) == (400, True)
    assert len(service.followed()) == before
    assert clinician.post("/start", alias="finch-1", site="73897004", side="U").location == "/live"
    assert "finch-1" in clinician.get("/live").text
    assert desk.door.reading().lesions_of("finch-1")


def test_an_order_that_the_broker_does_not_take_is_told(
    clinician: Visitor, service: History, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.line, "order_scan", lambda _: False)
    clinician.get("/start")
    answer = clinician.post("/start", lesion=lesion_of(clinician))
    assert (answer.status, "Nothing was ordered" in answer.text) == (503, True)
    del service


def test_a_cancelled_order_ends_what_the_page_hears_and_leads_back(
    clinician: Visitor, broker: Mosquitto, service: History
) -> None:
    del service
    witness = broker.witness()
    witness.await_payload("availability", "online")
    cookies = "; ".join(f"{name}={value}" for name, value in clinician.cookies.items())
    clinician.get("/live")
    with closing(http.client.HTTPConnection("127.0.0.1", clinician.port, timeout=60)) as connection:
        connection.request("GET", "/live/events", headers={"Cookie": cookies})
        answer = connection.getresponse()
        assert answer.readline().startswith(b"data: ")
        assert clinician.post("/live/cancel").location.startswith("/lesion/")
        answer.read()  # comes to its end, or the connection's patience does
    witness.await_payload("command/cancel", "schema_version")
    clinician.get("/start")
    assert clinician.post("/live/cancel").location == "/start", "there is nothing left to cancel"


def test_what_the_scanner_says_of_its_health_is_heard(broker: Mosquitto, desk: Desk, service: History) -> None:
    del service
    said(broker, "health", "-r", codes=["too_hot"], scans_filed=3)
    wait_until(lambda: desk.line.heard().health is not None)
    health = desk.line.heard().health
    assert health is not None
    assert (health.codes, health.scans_filed) == (frozenset({"too_hot"}), 3)


def test_a_broker_that_refuses_the_console_is_no_scanner(
    mosquitto: MakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    closed = mosquitto(unix=True, extra=["allow_anonymous false"]).start()
    line = ScannerLine(closed.settings(), "room-1")
    line.start()
    try:
        wait_until(lambda: "The broker refuses the console" in caplog.text)
        assert not line.heard().connected
        assert not line.cancel_scan(), "nothing is sent where nobody hears it"
    finally:
        line.stop()
