"""What the shipped software is made of is known, current, and licensed as it may be."""

import hashlib
import json
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[1]
SCRIPT = runpy.run_path(str(CHECKOUT / "deploy" / "sbom.py"))
SBOM: dict[str, Any] = json.loads((CHECKOUT / "docs" / "supply-chain" / "sbom.cdx.json").read_text(encoding="utf-8"))
PACKAGES = {one["name"]: one for one in SBOM["components"] if one["bom-ref"].startswith("pkg:pypi/")}
AGAIN = "run deploy/sbom.py"
FREE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-NC-4.0", "EPL-2.0", "ISC", "MIT", "MIT-0",
    "MIT-CMU", "MPL-1.1", "MPL-2.0", "OFL-1.1", "PSF-2.0", "Zlib",
}  # fmt: skip
LINKED = {"LGPL-2.1-only", "LGPL-2.1-or-later"}
"""May be used as a library of its own that can be replaced, which an installed package is."""


def test_versions_are_those_that_are_pinned() -> None:
    pins = SCRIPT["pins"]()
    assert {name: one["version"] for name, one in PACKAGES.items()} == {name: pins[name] for name in PACKAGES}, AGAIN


def test_everything_that_is_asked_for_is_listed() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"]]
    for extra in SCRIPT["EXTRAS"]:
        lines += project["optional-dependencies"][extra]
    assert {canonicalize_name(Requirement(line).name) for line in lines} <= set(PACKAGES), AGAIN


def test_the_bundled_wheels_are_listed() -> None:
    lock = (CHECKOUT / "deploy" / "requirements.lock").read_text(encoding="utf-8")
    locked = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    others = {"simplejpeg"}  # the Raspberry Pi's camera needs it; it comes with picamera2
    assert locked - others <= set(PACKAGES), AGAIN


def test_every_licence_is_known_and_allowed() -> None:
    for one in SBOM["components"]:
        told = SCRIPT["told"](one)
        choices = [set(choice.split(" AND ")) for choice in told.split(" OR ")]
        assert any(choice <= FREE | LINKED for choice in choices), (one["name"], told)


def test_the_models_are_those_of_the_bundle() -> None:
    listed = [one for one in SBOM["components"] if one["type"] == "machine-learning-model"]
    assert listed == SCRIPT["models"](), AGAIN
    for one in listed:
        content = (SCRIPT["BUNDLE"] / one["name"]).read_bytes()
        assert one["hashes"][0]["content"] == hashlib.sha256(content).hexdigest()


def test_the_scripts_are_those_of_the_page() -> None:
    listed = [one for one in SBOM["components"] if one["bom-ref"].startswith("pkg:npm/")]
    assert listed == SCRIPT["scripts"](), AGAIN
    assert len(listed) >= 10


def test_every_component_is_there_once_and_is_needed() -> None:
    references = [one["bom-ref"] for one in SBOM["components"]]
    assert len(set(references)) == len(references)
    needed = {place for one in SBOM["dependencies"] for place in one["dependsOn"]}
    assert needed == set(references)


def test_the_page_is_drawn_from_the_bill() -> None:
    page = (CHECKOUT / "docs" / "supply-chain" / "licences.md").read_text(encoding="utf-8")
    assert page == SCRIPT["page"](SBOM), AGAIN
