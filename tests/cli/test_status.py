"""What a technician is told of a real service: at work, stale, gone, faulty."""

import json
import signal
import time

from appliance import Appliance, wait_until


def with_state(appliance: Appliance, **health: object) -> Appliance:
    appliance.sections["health"] = {"state_file": appliance.folder / "state.json", "trust_clock": True, **health}
    return appliance


def test_a_service_at_work_and_after_its_end(appliance: Appliance) -> None:
    state = appliance.folder / "state.json"
    running = with_state(appliance).start()
    running.await_line("Scan filed")
    wait_until(lambda: state.exists() and json.loads(state.read_bytes())["scans_filed"] >= 1)
    told = appliance.call("status", "--json")
    fields = json.loads(told.stdout)
    assert told.returncode == 60, "a key file is a weak key"
    assert "key_weak" in told.stderr
    assert fields["running"] is True
    assert fields["frame_rate_hz"] > 0
    assert "credential" in fields["advice"]["key_weak"]["remedy"]
    shown = appliance.call("status")
    assert "What should be mended" in shown.stdout
    assert "Frame rate" in shown.stdout
    running.stop()
    after = appliance.call("status")
    assert after.returncode == 62
    assert "Disk free" in after.stdout
    assert after.stderr.count("dermscan: ") == 1


def test_a_service_that_was_killed_goes_stale(appliance: Appliance) -> None:
    state = appliance.folder / "state.json"
    appliance.sections["scan"]["automatic"] = False
    running = with_state(appliance).start()
    wait_until(state.exists)
    running.stop(signal.SIGKILL)
    old = json.loads(state.read_bytes()) | {"written_s": time.monotonic() - 3600}
    state.write_text(json.dumps(old), encoding="ascii")
    told = appliance.call("status", "--json")
    assert told.returncode == 62
    assert json.loads(told.stdout)["running"] is False
    assert "s old" in told.stderr


def test_a_fault_has_a_code_of_its_own(appliance: Appliance) -> None:
    fields = {"state_version": 1, "written_s": time.monotonic(), "software": "0.1.0", "state": "fault"}
    (appliance.folder / "state.json").write_text(json.dumps(fields), encoding="ascii")
    assert with_state(appliance).call("status").returncode == 61
    ready = fields | {"state": "ready", "codes": ["storage_full"]}
    (appliance.folder / "state.json").write_text(json.dumps(ready), encoding="ascii")
    assert appliance.call("status").returncode == 61
    (appliance.folder / "state.json").write_text(json.dumps(fields | {"state": "ready"}), encoding="ascii")
    assert appliance.call("status").returncode == 0


def test_a_diagnosis_is_made_even_of_settings_that_are_wrong(appliance: Appliance) -> None:
    appliance.sections["camera"]["surprise"] = "canary"
    out = appliance.folder / "diagnosis.tar.gz"
    done = appliance.call("diagnose", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    assert appliance.call("diagnose", "--out", str(out)).returncode == 12
