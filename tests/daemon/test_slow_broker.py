"""The real service beside a broker that stops answering: scans go on, and the state is right when it answers again."""

import json

from appliance import Appliance, wait_until
from broker import MakeBroker, Mosquitto

HEALTH = "dermscan/room-1/health"


def scans_told(broker: Mosquitto) -> int:
    return int(json.loads(broker.retained(HEALTH) or '{"scans_filed": 0}')["scans_filed"])


def test_a_broker_that_hangs_holds_no_scan_up(appliance: Appliance, mosquitto: MakeBroker) -> None:
    broker = mosquitto(unix=True).start()
    witness = broker.witness()
    appliance.sections["bus"] = {"transport": "unix", "socket": broker.socket_path}
    running = appliance.start()
    witness.await_payload("event/scan_finished", "scan_finished", 60)
    broker.freeze()
    before = running.said.count("Scan filed")
    wait_until(lambda: running.said.count("Scan filed") >= before + 2)
    filed = running.said.count("Scan filed")
    broker.thaw()
    wait_until(lambda: scans_told(broker) >= filed)
    running.stop()
    assert broker.retained("dermscan/room-1/availability") == "stopped"
