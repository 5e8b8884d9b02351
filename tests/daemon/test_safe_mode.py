"""The real service, killed until it stays still: safe mode on the bus, and back to work."""

import json

from appliance import Appliance, wait_until
from broker import MakeBroker


def crash(appliance: Appliance) -> None:
    """Let the service die without a word, as by a fault in a library."""
    running = appliance.start()
    wait_until(lambda: len(starts(appliance)) == len(appliance.started))
    running.process.kill()
    running.process.wait()


def starts(appliance: Appliance) -> list[float]:
    record = appliance.history / "starts"
    return json.loads(record.read_text(encoding="utf-8"))["starts"] if record.exists() else []


def test_five_starts_in_a_minute_end_in_safe_mode_which_is_left_by_the_command(
    appliance: Appliance, mosquitto: MakeBroker
) -> None:
    broker = mosquitto(unix=True).start()
    appliance.sections["bus"] = {"transport": "unix", "socket": broker.socket_path}
    appliance.sections["health"] = {"state_file": appliance.folder / "state.json"}
    appliance.history.mkdir(mode=0o700)
    for _ in range(4):
        crash(appliance)
    for left in appliance.history.glob("history.db*"):
        left.unlink()  # of a start that came that far before it was killed
    witness = broker.witness()
    running = appliance.start()
    witness.await_payload("status", "fault")
    witness.await_payload("health", "safe_mode")
    running.await_line("safe mode")
    assert not (appliance.history / "history.db").exists(), "it opens nothing"
    assert json.loads(appliance.call("safe-mode", "status", "--json").stdout) == {"safe_mode": True, "starts": 5}
    told = appliance.call("status", "--json")
    assert "safe_mode" in told.stdout, told.stderr
    assert told.returncode in {60, 61}
    assert appliance.call("selftest").returncode == 0, "diagnostics work"
    assert "is left" in appliance.call("safe-mode", "clear").stdout
    running.await_line("Scan filed")
    running.stop()
    assert running.process.returncode == 0


def test_safe_mode_stops_at_once_and_stays(appliance: Appliance) -> None:
    appliance.history.mkdir(mode=0o700)
    (appliance.history / "starts").write_text('{"safe_mode": true}', encoding="utf-8")
    running = appliance.start()
    running.await_line("safe mode")
    assert running.stop() < 5
    assert running.process.returncode == 0
    assert "Safe mode is on" in appliance.call("safe-mode", "status").stdout
