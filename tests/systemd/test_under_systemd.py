"""The package under real systemd in a container, by the command that a release is proven with."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROVE = Path(__file__).parents[2] / "deploy" / "prove-systemd"
NEEDED = ("mmdebstrap", "systemd-nspawn")


@pytest.mark.systemd
@pytest.mark.timeout(2400)
def test_the_units_hold_what_they_promise(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("booting a container needs root")
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (apt-get install mmdebstrap systemd-container)")
    if not os.environ.get("DERMSCAN_PROVE_SYSTEMD"):
        pytest.skip("minutes long; set DERMSCAN_PROVE_SYSTEMD=1, or run deploy/prove-systemd")
    package = os.environ.get("DERMSCAN_PACKAGE", "")
    done = subprocess.run([PROVE, package, tmp_path], capture_output=True, text=True, check=False)
    assert (tmp_path / "systemd.json").exists(), done.stderr
    checks = json.loads((tmp_path / "systemd.json").read_text(encoding="utf-8"))
    assert len(checks) >= 60
    assert [check["check"] for check in checks if not check["passed"]] == []
    assert done.returncode == 0, done.stderr
