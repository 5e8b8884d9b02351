"""The drop-in for a broker over TCP: systemd understands it, and it opens the way to the broker and nothing more."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from dermscan.settings import Settings

DROP_IN = Path(__file__).parents[2] / "systemd" / "tcp-broker.conf"
EXPOSURE_LIMIT = 1.2
"""Greatest score of `systemd-analyze security` with a network that holds one address."""


@pytest.fixture
def unit(install: Callable[..., Path]) -> Path:
    """The unit with the drop-in, as after an installation."""
    return install("dermscan.service", DROP_IN.name)


def test_systemd_understands_it(unit: Path, verified: Callable[[Path], str]) -> None:
    assert verified(unit) == ""
    drop_in = unit.parent / "dermscan.service.d" / DROP_IN.name
    drop_in.write_text(drop_in.read_text(encoding="utf-8").replace("IPAddressAllow", "IPAllow"), encoding="utf-8")
    assert "IPAllow" in verified(unit)


def test_the_exposure_stays_small(unit: Path, exposure: Callable[[Path], float]) -> None:
    assert exposure(unit) <= EXPOSURE_LIMIT


def test_it_touches_the_network_and_nothing_else() -> None:
    lines = [line for line in DROP_IN.read_text(encoding="utf-8").splitlines() if "=" in line and line[0] != "#"]
    keys = {line.split("=")[0] for line in lines}
    network = {"Wants", "After", "PrivateNetwork", "RestrictAddressFamilies", "IPAddressDeny", "IPAddressAllow"}
    assert keys == network | {"LoadCredentialEncrypted"}


def test_the_settings_it_names_are_settings() -> None:
    text = DROP_IN.read_text(encoding="utf-8")
    example = "\n".join(re.findall(r"^#   (.*)$", text, re.MULTILINE))
    bus = Settings.model_validate(tomllib.loads(example)).bus
    assert bus.transport == "tcp"
    assert f"IPAddressAllow={bus.host}" in text
    assert str(bus.certificate_key_file).endswith("/dermscan-bus-key")
