"""The kiosk's unit as systemd itself reads it, without a boot, and as the page needs it."""

import re
from collections.abc import Callable
from pathlib import Path

from dermscan.display.serving import POLICY

UNITS = Path(__file__).parents[2] / "systemd"
UNIT = (UNITS / "dermscan-display.service").read_text(encoding="utf-8")
EXPOSURE_LIMIT = 3.0
"""Greatest score of `systemd-analyze security`: a browser needs name spaces and machine code of its own making."""


def test_systemd_understands_every_line(install: Callable[..., Path], verified: Callable[[Path], str]) -> None:
    assert verified(install("dermscan-display.service")) == ""


def test_it_is_closed_as_far_as_a_browser_allows(
    install: Callable[..., Path], exposure: Callable[[Path], float]
) -> None:
    assert exposure(install("dermscan-display.service")) <= EXPOSURE_LIMIT


def test_it_reaches_this_machine_only_and_none_of_the_services_own() -> None:
    assert "IPAddressDeny=any\nIPAddressAllow=localhost\n" in UNIT
    assert re.findall(r"^SupplementaryGroups=(.*)$", UNIT, re.MULTILINE) == ["video render"]
    assert "PAMName" not in UNIT, "a PAM session would leave the unit's control group, and its limits with it"


def test_it_opens_the_page_from_the_disk_with_the_browsers_sandbox() -> None:
    assert "file:///usr/share/dermscan/display/index.html?${DERMSCAN_DISPLAY}" in UNIT
    assert "--no-sandbox" not in UNIT
    assert "ws://127.0.0.1:8080" in POLICY
    assert "listener 8080 127.0.0.1" in (UNITS.parent / "deploy/mosquitto/dermscan.conf").read_text(encoding="utf-8")


def test_its_user_is_made() -> None:
    assert re.search(
        r"^u dermscan-display ", (UNITS / "dermscan.sysusers.conf").read_text(encoding="utf-8"), re.MULTILINE
    )
