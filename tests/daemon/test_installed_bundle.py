"""The service runs the installed bundle; where it is damaged the last good one scans, and the room's health says so."""

import json
import signal
from pathlib import Path

import pytest

from appliance import Appliance, wait_until
from broker import MakeBroker
from daemon.rehearsal import Recorder
from dermscan.analysis.accelerating import Distrust, ProvenModels
from dermscan.analysis.runtime import load_models
from dermscan.bundle.installing import Installation
from dermscan.bundle.loading import SHIPPED_NAME, Bundle
from dermscan.bundle.signing import trusted_keys
from dermscan.bundle.store import BundleStore
from dermscan.bus.events import HealthCode
from dermscan.daemon import work
from dermscan.daemon.board import Board
from dermscan.history.keys import load_master_key
from dermscan.history.store import History
from dermscan.settings import HistorySettings, ModelSettings
from signed_bundles import signed_copy, trust_maker


def installed(appliance: Appliance, bundle: Bundle) -> Path:
    """A device on which 9.1.0 was installed; the folder of its models."""
    keys, store = trust_maker(appliance.folder / "keys"), appliance.folder / "bundles"
    appliance.sections["models"] = {"store": store, "keys": keys}
    source = signed_copy(bundle, appliance.folder / "dermscan-9.1.0")
    installation = Installation(BundleStore(store), trusted_keys(keys), lambda _bundle: None)
    return installation.install(source, None, lambda _done, _total: None).folder


def used(appliance: Appliance) -> str:
    """The bundle of the last scan."""
    settings = HistorySettings(folder=appliance.history, key_file=appliance.key_file)
    with History.open(appliance.history, load_master_key(settings), read_only=True) as history:
        return history.load(history.latest()[0].scan_id).provenance.bundle_id


def test_the_installed_bundle_scans(appliance: Appliance, bundle: Bundle) -> None:
    installed(appliance, bundle)
    running = appliance.start()
    running.await_line("Scan filed")
    running.stop()
    assert used(appliance) == "dermscan-9.1.0"
    assert "is refused" not in running.said


def test_a_damaged_installed_bundle_is_told_and_another_scans(
    appliance: Appliance, bundle: Bundle, mosquitto: MakeBroker
) -> None:
    folder = installed(appliance, bundle)
    (folder / "classifier.onnx").write_bytes(b"rot")
    broker = mosquitto(unix=True).start()
    witness = broker.witness()
    appliance.sections["bus"] = {"transport": "unix", "socket": broker.socket_path}
    running = appliance.start()
    witness.await_payload("health", "bundle_refused")
    witness.await_payload("event/scan_finished", "scan_finished", 60)
    running.stop()
    assert used(appliance) == SHIPPED_NAME
    assert running.said.count("A model bundle is refused, and one before it stands in") == 1
    codes = [json.loads(payload)["codes"] for topic, _, payload in witness.seen() if topic.endswith("/health")]
    assert "bundle_refused" in codes[-1]


def test_a_reload_takes_a_newly_installed_bundle_up(appliance: Appliance, bundle: Bundle) -> None:
    folder = installed(appliance, bundle)
    whole = (folder / "classifier.onnx").read_bytes()
    (folder / "classifier.onnx").write_bytes(b"rot")
    running = appliance.start()
    running.await_line("Scan filed")
    assert used(appliance) == SHIPPED_NAME
    (folder / "classifier.onnx").write_bytes(whole)
    running.process.send_signal(signal.SIGHUP)
    running.await_line("The settings were read anew")
    filed = running.said.count("Scan filed")
    wait_until(lambda: running.said.count("Scan filed") >= filed + 2)
    running.stop()
    assert used(appliance) == "dermscan-9.1.0"


def test_an_accelerator_that_fails_its_proof_is_told_until_it_passes(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    board = Board(recorder, lambda _state: None)
    doubts = [Distrust("CUDAExecutionProvider", "encoder", "it says something else than the CPU")]

    def proven(bundle: Bundle, settings: ModelSettings) -> ProvenModels:
        return ProvenModels(load_models(bundle, settings), distrusted=tuple(doubts))

    monkeypatch.setattr(work, "load_proven_models", proven)
    work._in_service(ModelSettings(), board)
    assert recorder.healths[-1].codes == {HealthCode.ACCELERATOR_REFUSED}
    said = "CUDAExecutionProvider is not trusted with the encoder: it says something else than the CPU"
    assert said in caplog.messages
    doubts.clear()
    work._in_service(ModelSettings(), board)
    assert recorder.healths[-1].codes == set()
