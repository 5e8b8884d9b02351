"""The console's unit as systemd itself reads it, without a boot, and the drop-in that shares the history with it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dermscan.bus.identity import PASSWORD_CREDENTIAL
from dermscan.history.keys import CREDENTIAL
from dermscan.settings import Settings

UNITS = Path(__file__).parents[2] / "systemd"
UNIT = (UNITS / "dermscan-console.service").read_text(encoding="utf-8")
SHARING = UNITS / "console-sharing.conf"
EXPOSURE_LIMIT = 15
"""Ten times the score of `systemd-analyze security`: it must listen, which the scanner must not."""


def systemd_analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("systemd-analyze is not installed: apt-get install systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a program that exists, as after an installation."""
    path = tmp_path / "dermscan-console.service"
    text = UNIT.replace("ExecStart=/usr/bin/dermscan", "ExecStart=/bin/true")
    path.write_text(text.replace("Documentation=man:dermscan(1)\n", ""), encoding="utf-8")
    return path


def test_systemd_understands_every_line(installed: Path) -> None:
    done = systemd_analyze("verify", "--recursive-errors=no", str(installed))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_exposure_stays_small(installed: Path) -> None:
    done = systemd_analyze("security", "--offline=true", f"--threshold={EXPOSURE_LIMIT}", str(installed))
    assert done.returncode == 0, done.stdout[-400:]


def test_it_is_somebody_of_its_own_in_the_scanners_group() -> None:
    assert "\nUser=dermscan-console\nGroup=dermscan\n" in UNIT
    users = (UNITS / "dermscan.sysusers.conf").read_text(encoding="utf-8")
    assert re.search(r"^u dermscan-console ", users, re.MULTILINE)


def test_neither_service_needs_the_other() -> None:
    assert not re.search(r"^(Requires|BindsTo|PartOf|Requisite)=.*\.service", UNIT, re.MULTILINE)
    scanner = (UNITS / "dermscan.service").read_text(encoding="utf-8")
    assert "dermscan-console" not in scanner


def test_it_listens_where_the_settings_say_and_reaches_this_machine_only() -> None:
    assert f"SocketBindAllow=tcp:{Settings().console.port}\nSocketBindDeny=any\n" in UNIT
    assert "IPAddressDeny=any\nIPAddressAllow=localhost\n" in UNIT
    assert Settings().console.host == "127.0.0.1"


def test_its_credentials_are_the_ones_the_program_looks_for() -> None:
    assert re.findall(r"^LoadCredentialEncrypted=(.*)$", UNIT, re.MULTILINE) == [CREDENTIAL, PASSWORD_CREDENTIAL]


def test_the_sharing_drop_in_opens_the_history_to_the_group_and_to_nobody_else(tmp_path: Path) -> None:
    text = (UNITS / "dermscan.service").read_text(encoding="utf-8")
    text = text.replace("/usr/bin/dermscan", "/bin/true").replace("Documentation=man:dermscan(1)\n", "")
    (tmp_path / "dermscan.service").write_text(text, encoding="utf-8")
    (tmp_path / "dermscan.service.d").mkdir()
    shutil.copy(SHARING, tmp_path / "dermscan.service.d")
    done = systemd_analyze("verify", "--recursive-errors=no", str(tmp_path / "dermscan.service"))
    assert done.stderr == ""
    lines = [line for line in SHARING.read_text(encoding="utf-8").splitlines() if "=" in line and line[0] != "#"]
    assert lines == ["StateDirectoryMode=0770", "UMask=0007"]
