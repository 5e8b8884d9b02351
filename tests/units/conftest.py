"""The units as after an installation, and systemd's own judgement of them, without a boot."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Lays a unit with its drop-ins into a folder, with programs that exist and without the manual's page."""

    def lay(unit: str, *drop_ins: str, of: Path = UNITS) -> Path:
        text = (of / unit).read_text(encoding="utf-8").replace("Documentation=man:dermscan(1)\n", "")
        text = re.sub(r"^(Exec\w+=)/usr/bin/(?:dermscan|cage)", r"\1/bin/true", text, flags=re.MULTILINE)
        (tmp_path / unit).write_text(text, encoding="utf-8")
        for drop_in in drop_ins:
            folder = tmp_path / f"{unit}.d"
            folder.mkdir(exist_ok=True)
            shutil.copy(UNITS / drop_in, folder)
        return tmp_path / unit

    return lay


def systemd_analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("systemd-analyze is not installed: apt-get install systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def verified() -> Callable[[Path], str]:
    """What `systemd-analyze verify` has to say about a unit; nothing when it understands every line."""
    return lambda unit: systemd_analyze("verify", "--recursive-errors=no", str(unit)).stderr


@pytest.fixture
def exposure() -> Callable[[Path], float]:
    """The score of `systemd-analyze security`, 0 to 10; stock services score 9 and more."""

    def score(unit: Path) -> float:
        found = re.search(
            r"exposure level for \S+: ([\d.]+)", systemd_analyze("security", "--offline=true", str(unit)).stdout
        )
        assert found is not None
        return float(found[1])

    return score
