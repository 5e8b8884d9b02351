"""What every room's tests share: the real lesion pictures, where they exist."""

import os
import signal
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from appliance import Appliance
from broker import MakeBroker, Mosquitto, free_port, own_name
from dermscan.bundle.loading import Bundle, load_bundle
from dermscan.history.keys import create_key_file

# The machine may be busy: no example fails for being slow.
settings.register_profile("patient", deadline=None, derandomize=True)
settings.load_profile("patient")

# A background job of a shell hands on that the interrupt is ignored; the programs that the tests start must heed it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

CHECKOUT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the requirements that it holds: docs/requirements.toml."""
    table = tomllib.loads((CHECKOUT / "docs" / "requirements.toml").read_text(encoding="utf-8"))["requirement"]
    held = defaultdict(list)
    for requirement in table:
        for test in requirement["tests"]:
            held[test].append(requirement["id"])
    for item in items:
        for identifier in held[item.nodeid.split("[")[0].removeprefix("tests/")]:
            item.add_marker(pytest.mark.requirement(identifier))


@pytest.fixture(scope="session")
def lesion_data() -> Path:
    """Folder of the real lesion images; the test is skipped where it is absent."""
    folder = Path(os.environ.get("DERMSCAN_DATA", CHECKOUT.parent / "shared" / "data"))
    if not (folder / "lesions.csv").exists():
        pytest.skip("the lesion images (lesions.csv) are not beside this checkout; set DERMSCAN_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The shipped model bundle, or the one in $DERMSCAN_BUNDLE."""
    named = os.environ.get("DERMSCAN_BUNDLE")
    return load_bundle(Path(named) if named else None)


@pytest.fixture
def appliance(tmp_path: Path, bundle: Bundle) -> Iterator[Appliance]:
    """A device on a fast phantom camera, with a key and without a bus; a test changes its sections."""
    made = Appliance(tmp_path)
    create_key_file(made.key_file)
    made.sections = {
        "device": {"label": "room-1"},
        "camera": {"backend": "phantom", "width": 640, "height": 480, "rate_hz": 20},
        "scan": {"hold_still_s": 0.5, "burst_frames": 2, "done_s": 0.2},
        "models": {"bundle": bundle.folder, "unsigned": "DERMSCAN_BUNDLE" in os.environ},
        "history": {"folder": made.history, "key_file": made.key_file},
        "bus": {"enabled": False},
    }
    yield made
    made.end()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MakeBroker]:
    """Makes brokers: `mosquitto()` on tcp, `mosquitto(unix=True)`, `mosquitto(listener=[...], extra=[...])`."""
    made: list[Mosquitto] = []

    def make(*, unix: bool = False, listener: list[str] | None = None, extra: list[str] | None = None) -> Mosquitto:
        folder = tmp_path / f"broker-{len(made)}"
        folder.mkdir(mode=0o755)
        port = 0 if unix else free_port()
        path = folder / "mqtt.sock" if unix else None
        lines = [f"listener 0 {path}" if unix else f"listener {port} 127.0.0.1", f"user {own_name()}"]
        broker = Mosquitto(folder, lines + (listener or []), port=port, socket_path=path)
        if extra is not None:
            broker.extra = extra
        made.append(broker)
        return broker

    yield make
    for broker in made:
        for witness in broker.witnesses:
            witness.end()
        broker.stop()
