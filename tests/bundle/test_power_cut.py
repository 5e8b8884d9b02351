"""The power may go at any line of an installation: a whole bundle is in service, the old one or the new one."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dermscan.bundle.installing import Installation
from dermscan.bundle.signing import TrustedKey
from dermscan.bundle.store import BundleStore

MakeBundle = Callable[..., Path]
PROGRAM = Path(__file__).with_name("killed_at_every_line.py")


@pytest.fixture
def run(tmp_path: Path, make_bundle: MakeBundle, keys: tuple[TrustedKey, ...]) -> Callable[[str], list[dict[str, Any]]]:
    """Kills a step at every line, on a device with 1.0.0 and 1.1.0, and gives what was found."""
    public = keys[0].key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "maker.pub").write_bytes(public)
    installation = Installation(BundleStore(tmp_path / "store"), keys, lambda _bundle: None)
    for name in ("dermscan-1.0.0", "dermscan-1.1.0"):
        installation.install(make_bundle(name), None, lambda _done, _total: None)
    source = make_bundle("dermscan-1.2.0")

    def killed(step: str) -> list[dict[str, Any]]:
        places = [str(tmp_path / "store"), str(source), str(tmp_path / "keys")]
        command = [sys.executable, str(PROGRAM), step, *places]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return killed


def test_an_installation_cut_off_anywhere_leaves_the_old_bundle_or_the_new_one(
    run: Callable[[str], list[dict[str, Any]]],
) -> None:
    reports = run("install")
    again = [report for report in reports if "again" in report]
    assert len(reports) > 80, "it was killed at so many different lines"
    assert [key for key, _ in groupby(report["found"] for report in reports)] == ["dermscan-1.1.0", "dermscan-1.2.0"]
    assert {report["refused"] for report in reports} == {0}
    assert {report["again"] for report in again} == {"dermscan-1.2.0"}
    assert {tuple(report["rest"]) for report in again} == {()}
    assert [report["killed"] for report in reports[-2:]] == [True, False]


def test_going_back_cut_off_anywhere_leaves_one_of_the_two(run: Callable[[str], list[dict[str, Any]]]) -> None:
    reports = run("rollback")
    assert [key for key, _ in groupby(report["found"] for report in reports)] == ["dermscan-1.1.0", "dermscan-1.0.0"]
    assert {report["refused"] for report in reports} == {0}
