"""The service's unit, the nightly ones and the broker's drop-in as systemd itself reads them."""

from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

import pytest

from dermscan.history.keys import CREDENTIAL
from dermscan.settings import Settings

UNITS = Path(__file__).parents[2] / "systemd"
SERVICE = UNITS / "dermscan.service"
BROKER = Path("/lib/systemd/system")
EXPOSURE = {"dermscan.service": 0.8, "dermscan-maintenance.service": 0.8, "dermscan-selftest.service": 0.8}
"""Greatest score of `systemd-analyze security`."""

Install = Callable[..., Path]
Verified = Callable[[Path], str]
Exposure = Callable[[Path], float]


def lines(unit: str) -> list[str]:
    return (UNITS / unit).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("unit", [*EXPOSURE, "dermscan-maintenance.timer", "dermscan-selftest.timer"])
def test_systemd_understands_every_line(unit: str, install: Install, verified: Verified) -> None:
    for timed in ("dermscan-maintenance.service", "dermscan-selftest.service"):
        install(timed)
    assert verified(install(unit)) == ""


def test_a_word_that_systemd_does_not_know_would_be_noticed(install: Install, verified: Verified) -> None:
    unit = install("dermscan.service")
    unit.write_text(unit.read_text(encoding="utf-8").replace("PrivateTmp=", "PrivateTemp="), encoding="utf-8")
    assert "PrivateTemp" in verified(unit)


@pytest.mark.parametrize("unit", EXPOSURE)
def test_the_exposure_stays_small(unit: str, install: Install, exposure: Exposure) -> None:
    assert exposure(install(unit)) <= EXPOSURE[unit]


def test_the_brokers_drop_in_closes_debians_unit(install: Install, verified: Verified, exposure: Exposure) -> None:
    stock = exposure(install("mosquitto.service", of=BROKER))
    unit = install("mosquitto.service", "mosquitto.conf", of=BROKER)
    assert verified(unit) == ""
    assert exposure(unit) <= 1.5 < stock


@pytest.mark.parametrize(
    "line",
    [
        "PrivateNetwork=yes",
        "RestrictAddressFamilies=AF_UNIX",
        "Type=notify",
        "LimitCORE=0",
        "MemorySwapMax=0",
        "OOMPolicy=stop",
        "Restart=on-failure",
    ],
)
def test_what_the_promises_rest_on_is_there(line: str) -> None:
    assert line in lines("dermscan.service")


def test_the_credential_is_the_one_the_program_looks_for() -> None:
    for unit in ("dermscan.service", "dermscan-maintenance.service"):
        assert f"LoadCredentialEncrypted={CREDENTIAL}" in lines(unit)


def test_the_nightly_work_has_no_camera_and_the_self_test_no_key() -> None:
    for unit in ("dermscan-maintenance.service", "dermscan-selftest.service"):
        assert "PrivateDevices=yes" in lines(unit)
        assert not any(line.startswith("DeviceAllow") for line in lines(unit))
    assert not any("Credential" in line for line in lines("dermscan-selftest.service"))


def test_the_folders_are_those_of_the_settings() -> None:
    folder = Settings().history.folder
    assert f"ConditionPathExists={folder}/history.db" in lines("dermscan-maintenance.service")
    assert f"StateDirectory={folder.name}" in lines("dermscan.service")


@pytest.mark.parametrize("unit", ["dermscan-maintenance.timer", "dermscan-selftest.timer"])
def test_a_missed_night_is_made_up_for(unit: str) -> None:
    assert "Persistent=yes" in lines(unit)
    assert "WantedBy=dermscan.target" in lines(unit)


def test_the_pauses_between_starts_grow_and_end() -> None:
    drop_in = ConfigParser()
    drop_in.read(UNITS / "back-off.conf")
    pause = int(next(line for line in lines("dermscan.service") if line.startswith("RestartSec=")).split("=")[1])
    assert pause < int(drop_in["Service"]["RestartMaxDelaySec"]) <= 300


def test_every_unit_is_part_of_the_appliance() -> None:
    for unit in UNITS.glob("dermscan*.service"):
        if "[Install]" in lines(unit.name):
            assert "WantedBy=dermscan.target" in lines(unit.name), unit.name
        if "[Install]" in lines(unit.name) and "Type=oneshot" not in lines(unit.name):
            assert "PartOf=dermscan.target" in lines(unit.name), unit.name
