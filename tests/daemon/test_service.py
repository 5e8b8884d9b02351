"""The real service as a process of its own: real camera loop, real models, real history, real Mosquitto."""

import json
import re
import signal
import socket
from datetime import timedelta
from pathlib import Path

import cv2
import pytest

from appliance import Appliance, Running, wait_until
from broker import MakeBroker, Mosquitto
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings

STATUS = "dermscan/room-1/status"
COMMAND = "dermscan/room-1/command/scan"
PLAIN_HEADERS = (b"\x89PNG\r\n\x1a\n", b"JFIF", b"Exif", b"SQLite format 3\0")


def on_bus(appliance: Appliance, broker: Mosquitto) -> Appliance:
    appliance.sections["bus"] = {"transport": "unix", "socket": broker.socket_path}
    return appliance


def opened(appliance: Appliance, *, read_only: bool = False) -> History:
    settings = HistorySettings(folder=appliance.history, key_file=appliance.key_file)
    return History.open(appliance.history, load_master_key(settings), read_only=read_only)


def states(seen: list[tuple[str, bool, str]]) -> list[str]:
    """The states in the order in which they were shown, repetitions left out."""
    shown = [json.loads(payload)["state"] for topic, _, payload in seen if topic == STATUS]
    return [state for index, state in enumerate(shown) if index == 0 or shown[index - 1] != state]


def test_a_lesion_is_scanned_filed_and_told(appliance: Appliance, mosquitto: MakeBroker) -> None:
    broker = mosquitto(unix=True).start()
    witness = broker.witness()
    running = on_bus(appliance, broker).start()
    witness.await_payload("event/scan_finished", "scan_finished", 60)
    assert running.stop() < 5
    assert running.process.returncode == 0, running.said
    witness.await_payload("availability", "stopped")
    witness.await_payload("health", "key_weak")
    shown = states(witness.seen())
    assert shown[0] == "starting"
    assert "hold_still" in shown
    assert shown.index("analysing") < shown.index("done")
    assert shown[-1] == "stopping"
    with opened(appliance) as history:
        summary = history.latest()[0]
        scan = history.load(summary.scan_id)
    assert scan.assessment.mask is not None
    assert scan.provenance.software_version == "0.1.0"
    secrets = (summary.scan_id, summary.lesion_id, summary.scan_id[:8])
    told = running.said + "".join(payload for _, _, payload in witness.seen())
    assert not any(secret in told for secret in secrets)
    assert re.search(r"Scan filed in \d+ ms", running.said)


def test_nothing_readable_lies_on_the_disk(appliance: Appliance) -> None:
    running = appliance.start()
    running.await_line("Scan filed")
    files = [path for path in appliance.history.rglob("*") if path.is_file()]
    assert len(files) >= 4, "database, keyring, frame and mask"
    for path in files:
        content = path.read_bytes()
        assert not any(header in content for header in PLAIN_HEADERS), path.name
        assert not content.startswith(b"\xff\xd8\xff"), path.name
    running.stop()


def test_the_history_can_be_read_while_the_service_files(appliance: Appliance) -> None:
    running = appliance.start()
    running.await_line("Scan filed")
    listed = json.loads(appliance.call("history", "list", "--json").stdout)
    assert len(listed) >= 1
    running.stop()


def test_a_filed_scan_gives_the_same_assessment_again(appliance: Appliance, tmp_path: Path) -> None:
    running = appliance.start()
    running.await_line("Scan filed")
    running.stop()
    with opened(appliance) as history:
        summary = history.latest()[0]
        scan = history.load(summary.scan_id)
    picture = tmp_path / "again.png"
    cv2.imwrite(str(picture), cv2.cvtColor(scan.frame.pixels, cv2.COLOR_RGB2BGR))
    (again,) = json.loads(appliance.call("analyze", str(picture), "--json").stdout)
    assert again["risk"] == pytest.approx(summary.risk, abs=0.01)
    assert again["features"]["area_px"] == (summary.features and summary.features.area_px)


def test_systemd_hears_ready_status_watchdog_and_stopping(appliance: Appliance, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        appliance.environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        running = appliance.start()
        heard = [manager.recv(500).decode()]
        while heard.count("WATCHDOG=1") < 2:
            heard.append(manager.recv(500).decode())
        running.stop()
        while not heard[-1].startswith("STATUS=stopping"):
            heard.append(manager.recv(500).decode())
    assert heard[0].startswith("STATUS=starting; 0 scans filed")
    assert heard.index("READY=1") < heard.index("WATCHDOG=1")
    assert "STOPPING=1" in heard


def test_systemd_hears_ready_and_watchdog_also_without_a_camera(appliance: Appliance, tmp_path: Path) -> None:
    appliance.sections["camera"] = {"backend": "v4l2", "device": "/dev/video99"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        appliance.environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        running = appliance.start()
        heard = [manager.recv(500).decode()]
        while heard.count("WATCHDOG=1") < 3:
            heard.append(manager.recv(500).decode())
        running.stop()
    assert heard.index("READY=1") < heard.index("WATCHDOG=1")
    assert any(re.fullmatch(r"STATUS=fault; 0 scans filed; broker \w+; camera lost.*", said) for said in heard)


def test_scanning_goes_on_without_a_broker_and_the_state_is_right_when_it_comes(
    appliance: Appliance, mosquitto: MakeBroker
) -> None:
    broker = mosquitto(unix=True)
    running = on_bus(appliance, broker).start()
    running.await_line("Scan filed")
    broker.start()
    witness = broker.witness()
    witness.await_payload("availability", "online")
    witness.await_payload("status", "state")
    broker.stop()
    before = running.said.count("Scan filed")
    wait_until(lambda: running.said.count("Scan filed") > before)
    broker.start()
    again = broker.witness()
    again.await_payload("availability", "online")
    again.await_payload("health", f'"scans_filed":{before + 1}')
    running.stop()


def test_a_refused_password_is_one_sentence(appliance: Appliance, mosquitto: MakeBroker, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("", encoding="utf-8")
    broker = mosquitto(unix=True, extra=["allow_anonymous false", f"password_file {passwords}"]).start()
    (tmp_path / "secret").write_text("not-the-password", encoding="utf-8")
    on_bus(appliance, broker).sections["bus"] |= {"username": "room-1", "password_file": tmp_path / "secret"}
    done = appliance.call("run")
    assert done.returncode == 51
    assert done.stderr.count("dermscan: ") == 1
    assert "not-the-password" not in done.stderr + done.stdout


def commanded(appliance: Appliance, broker: Mosquitto) -> Running:
    """A service that scans on command only, in view of a lesion."""
    on_bus(appliance, broker).sections["scan"]["automatic"] = False
    running = appliance.start()
    broker.witness().await_payload("status", "hold_still", 60)
    return running


def test_a_command_with_a_ticket_files_under_its_lesion_and_works_once(
    appliance: Appliance, mosquitto: MakeBroker
) -> None:
    with opened(appliance) as history:
        lesion = history.create_lesion()
        ticket = history.issue_ticket(lesion, timedelta(minutes=5))
    broker = mosquitto(unix=True).start()
    witness = broker.witness()
    running = commanded(appliance, broker)
    order = json.dumps({"schema_version": 1, "ticket": ticket}).encode()
    broker.send(COMMAND, payload=order)
    witness.await_payload("event/scan_finished", "scan_finished", 60)
    broker.send(COMMAND, payload=order)
    witness.await_payload("event/command_refused", "duplicate")
    running.stop()
    with opened(appliance) as history:
        assert len(history.timeline(lesion)) == 1
        assert history.count() == 1


def test_a_ticket_that_was_never_issued_is_refused(appliance: Appliance, mosquitto: MakeBroker) -> None:
    broker = mosquitto(unix=True).start()
    witness = broker.witness()
    running = commanded(appliance, broker)
    broker.send(COMMAND, payload=b'{"schema_version": 1, "ticket": "%s"}' % (b"A" * 64))
    witness.await_payload("event/command_refused", "ticket_refused")
    running.stop()
    with opened(appliance) as history:
        assert history.count() == 0


def test_a_lost_camera_is_told_and_opened_anew(appliance: Appliance, mosquitto: MakeBroker) -> None:
    broker = mosquitto(unix=True).start()
    witness = broker.witness()
    on_bus(appliance, broker).sections["camera.faults"] = {"disconnect_after_s": 3}
    running = appliance.start()
    witness.await_payload("event/camera_lost", "camera_lost", 60)
    witness.await_payload("event/camera_back", "camera_back", 60)
    assert "fault" in states(witness.seen())
    assert running.process.poll() is None
    running.stop()


def test_without_a_camera_the_service_runs_says_so_and_takes_orders_once_there_is_one(
    appliance: Appliance, mosquitto: MakeBroker
) -> None:
    broker = mosquitto(unix=True).start()
    witness = broker.witness()
    phantom = on_bus(appliance, broker).sections["camera"]
    appliance.sections["camera"] = {"backend": "v4l2", "device": "/dev/video99"}
    state_file = appliance.folder / "state.json"
    appliance.sections["health"] = {"state_file": state_file}
    running = appliance.start()
    witness.await_payload("status", "fault", 60)
    witness.await_payload("health", "camera_lost")
    wait_until(state_file.exists)
    broker.send(COMMAND, payload=b'{"schema_version": 1}')
    witness.await_payload("event/command_refused", "not_ready")
    told = appliance.call("status")
    assert told.returncode == 61, told.stdout
    assert "camera_lost" in told.stdout
    appliance.sections["camera"] = {"backend": "picamera2", "device": "/dev/video0"}
    appliance.write_settings()
    running.process.send_signal(signal.SIGHUP)
    running.await_line("The old settings stay: The settings are not usable: camera.device must be a number")
    appliance.sections["camera"] = phantom
    appliance.write_settings()
    running.process.send_signal(signal.SIGHUP)
    running.await_line("Scan filed")
    witness.await_payload("event/camera_back", "camera_back")
    running.stop()
    assert running.process.returncode == 0
    assert running.said.count("No camera at /dev/video99: there is no such device; opening it anew") == 1


def test_camera_settings_that_can_never_work_end_the_service_with_their_code(appliance: Appliance) -> None:
    appliance.sections["camera"] = {"backend": "picamera2", "device": "/dev/video0"}
    done = appliance.call("run")
    assert done.returncode == 10
    assert done.stderr.count("dermscan: ") == 1


def test_settings_are_read_anew_and_bad_ones_refused(appliance: Appliance, mosquitto: MakeBroker) -> None:
    broker = mosquitto(unix=True).start()
    running = commanded(appliance, broker)
    appliance.sections["scan"] |= {"automatic": True, "surprise": 1}
    appliance.write_settings()
    running.process.send_signal(signal.SIGHUP)
    running.await_line("The old settings stay")
    del appliance.sections["scan"]["surprise"]
    appliance.write_settings()
    running.process.send_signal(signal.SIGHUP)
    running.await_line("The settings were read anew")
    running.await_line("Scan filed")
    running.stop()
    assert running.process.returncode == 0


def test_a_second_service_on_the_same_history_is_refused(appliance: Appliance) -> None:
    running = appliance.start()
    running.await_line("Scan filed")
    assert appliance.call("run").returncode == 44
    running.stop()
