"""The committed page is what its source makes: nobody has edited the one and forgotten the other."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dermscan.display.serving import FOLDER

SOURCE = FOLDER.parent / "source"
LOCK = (SOURCE / "package-lock.json").read_text(encoding="utf-8")
OLDEST_NODE = (20, 19)


def builder() -> str:
    """Node, where it is new enough for Vite and its packages are there."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("the page can only be rebuilt where Node.js is installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_NODE:
        pytest.skip(f"Vite needs Node.js 20.19 or newer, and this is {version.strip()}")
    if not (SOURCE / "node_modules" / "vite").is_dir():
        pytest.fail("Vite is missing: run ./deploy/test once")
    return node


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_page_is_what_its_source_makes(tmp_path: Path) -> None:
    command = [builder(), "node_modules/vite/bin/vite.js", "build", "--outDir", str(tmp_path / "page")]
    subprocess.run(command, cwd=SOURCE, check=True, capture_output=True, timeout=120, env={**os.environ, "CI": "true"})
    made, kept = contents(tmp_path / "page"), contents(FOLDER)
    assert sorted(made) == sorted(kept)
    changed = [name for name in made if made[name] != kept[name]]
    assert changed == [], "run: npm ci && npm run build, in service/dermscan/display/source"


def test_the_lock_file_names_no_registry_and_pins_every_package() -> None:
    assert '"resolved"' not in LOCK
    assert "://" not in re.sub(r'"(?:url|funding)": "[^"]*"|"funding": \[.*?\]', "", LOCK)
    packages = json.loads(LOCK)["packages"]
    assert all("integrity" in package for name, package in packages.items() if name)


def test_the_packages_asked_for_are_exact() -> None:
    manifest = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))
    assert manifest["private"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in manifest["devDependencies"].values())


def test_the_source_is_no_part_of_the_page() -> None:
    assert not list(FOLDER.rglob("*.json"))
    assert not list(FOLDER.rglob("*.py"))
