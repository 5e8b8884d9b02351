"""Writes what the shipped software is made of: docs/supply-chain/sbom.cdx.json (CycloneDX 1.6) and licences.md.

Usage: .venv/bin/python deploy/sbom.py, in an environment with the extras `console`, `reporting`, `systemd`. It asks no
network: names, licences and dependencies come from the installed packages' metadata, versions must be those of
deploy/constraints.txt, models come from the bundle's manifest, scripts of the display from its licences.md. The same
checkout gives the same files.
"""

import json
import re
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[1]
OUT = CHECKOUT / "docs" / "supply-chain"
SBOM, LICENCES = OUT / "sbom.cdx.json", OUT / "licences.md"
EXTRAS = ("console", "reporting", "systemd")
"""What a device has. The camera library of a Raspberry Pi and Pango are the system's own."""
BUNDLE = CHECKOUT / "models" / "dermscan-0.4.0"
SCRIPTS = CHECKOUT / "service" / "dermscan" / "display" / "page" / "licences.md"
INTER = {
    "type": "data",
    "bom-ref": "font:inter",
    "name": "Inter",
    "version": "3.19",
    "licenses": [{"license": {"id": "OFL-1.1"}}],
}
NONE: frozenset[str] = frozenset()
SPOKEN = {
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD license": "BSD-3-Clause",
    "MIT License": "MIT",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "zlib/libpng License": "Zlib",
}
"""Licences as packages word them, and as SPDX does."""
TOLD_ELSEWHERE = {
    "fhir-core": "BSD-3-Clause",
    "fhir-resources": "BSD-3-Clause",
    "flatbuffers": "Apache-2.0",
    "opencv-python-headless": "Apache-2.0 AND LGPL-2.1-only",
    "paho-mqtt": "EPL-2.0 OR BSD-3-Clause",
    "pyphen": "GPL-2.0-or-later OR LGPL-2.1-or-later OR MPL-1.1",
    "sqlcipher3": "Zlib",
    "systemd-python": "LGPL-2.1-or-later",
}
"""Licences that are in a package's files but not, or not exactly, in its metadata; OpenCV's wheels hold FFmpeg."""
HEAD = """# Licences of what is shipped

Made by `deploy/sbom.py` together with [sbom.cdx.json](sbom.cdx.json) (CycloneDX 1.6), from which this page is drawn.
What is for building and testing only is not shipped and not listed.
"""


def main() -> None:
    """Write both files."""
    whole = sbom()
    OUT.mkdir(exist_ok=True)
    SBOM.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    LICENCES.write_text(page(whole), encoding="utf-8")
    sys.stdout.write(f"{len(whole['components'])} components in {OUT}\n")


def sbom() -> dict[str, Any]:
    """The bill of materials."""
    found = shipped()
    components = [*map(python_component, found.values()), *models(), *scripts(), INTER]
    version = distribution("dermscan").version
    root = {"type": "application", "bom-ref": "dermscan", "name": "dermscan", "version": version}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, json.dumps(components, sort_keys=True))}",
        "version": 1,
        "metadata": {"component": {**root, "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": components,
        "dependencies": dependencies(found, [component["bom-ref"] for component in components]),
    }


def shipped() -> dict[str, Distribution]:
    """Every installed package that the project and its shipped extras need, by its canonical name, in order."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = wanted()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) not in seen:
            seen.add((name, extras))
            found[name] = pinned(name)
            waiting += needs(found[name], extras)
    return dict(sorted(found.items()))


def wanted() -> list[Requirement]:
    """What pyproject.toml asks for directly."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    return [Requirement(line) for line in [*project["dependencies"], *(one for e in EXTRAS for one in optional[e])]]


def needs(package: Distribution, extras: frozenset[str]) -> list[Requirement]:
    """What a package asks for itself, on this machine."""
    found = map(Requirement, package.requires or ())
    environments = [{"extra": extra} for extra in sorted(extras)] or [{"extra": ""}]
    return [one for one in found if one.marker is None or any(one.marker.evaluate(env) for env in environments)]


def pinned(name: str) -> Distribution:
    """An installed package in the version of deploy/constraints.txt."""
    try:
        package = distribution(name)
    except PackageNotFoundError:
        sys.exit(f"{name} is not installed; prepare an environment with the extras {', '.join(EXTRAS)}")
    if pins().get(name) != package.version:
        sys.exit(f"{name} is installed in version {package.version}, and pinned as {pins().get(name)}")
    return package


def pins() -> dict[str, str]:
    """The versions of deploy/constraints.txt by canonical name."""
    lines = (CHECKOUT / "deploy" / "constraints.txt").read_text(encoding="utf-8").split()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def python_component(package: Distribution) -> dict[str, Any]:
    """A Python package."""
    name = canonicalize_name(package.name)
    place = f"pkg:pypi/{name}@{package.version}"
    return {
        "type": "library",
        "bom-ref": place,
        "name": name,
        "version": package.version,
        "licenses": [licence(spdx(package))],
        "purl": place,
    }


def spdx(package: Distribution) -> str:
    """A package's licence as SPDX writes it."""
    name = canonicalize_name(package.name)
    if name in TOLD_ELSEWHERE:
        return TOLD_ELSEWHERE[name]
    metadata = package.metadata
    classifiers = [line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or () if "License ::" in line]
    told = [metadata.get("License-Expression"), metadata.get("License"), *classifiers]
    for text in (one.strip() for one in told if one):
        if text in SPOKEN or re.fullmatch(r"[\w.+-]+( (AND|OR|WITH) [\w.+-]+)*", text):
            return SPOKEN.get(text, text)
    sys.exit(f"the licence of {name} is not clear: {told}")


def licence(expression: str) -> dict[str, Any]:
    """A licence as CycloneDX has it."""
    if " " in expression:
        return {"expression": expression}
    return {"license": {"id": expression}}


def models() -> list[dict[str, Any]]:
    """The networks of the shipped bundle, with the hashes of the manifest."""
    manifest = json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8"))
    parts = {"roi": ["file"], "segmentation": ["encoder", "decoder"], "classifier": ["file"]}
    licences = {one["role"]: one["licence"] for one in manifest["provenance"]}
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"model:{manifest[role][part]['path']}",
            "name": manifest[role][part]["path"],
            "version": manifest["name"],
            "hashes": [{"alg": "SHA-256", "content": manifest[role][part]["sha256"]}],
            "licenses": [{"license": {"id": licences[role].replace("CC BY-NC 4.0", "CC-BY-NC-4.0")}}],
        }
        for role, files in parts.items()
        for part in files
    ]


def scripts() -> list[dict[str, Any]]:
    """What is built into the bedside page."""
    heads = re.findall(r"^## (\S+) - (\S+) \((.+)\)$", SCRIPTS.read_text(encoding="utf-8"), re.MULTILINE)
    return [
        {
            "type": "library",
            "bom-ref": f"pkg:npm/{name.replace('@', '%40')}@{version}",
            "name": name,
            "version": version,
            "licenses": [licence(told)],
            "purl": f"pkg:npm/{name.replace('@', '%40')}@{version}",
        }
        for name, version, told in heads
    ]


def dependencies(found: dict[str, Distribution], others: list[str]) -> list[dict[str, Any]]:
    """What needs what; an extra that one package asks of another counts as the other's own need."""
    places = {name: f"pkg:pypi/{name}@{package.version}" for name, package in found.items()}
    asked = [one for package in found.values() for one in needs(package, NONE)] + wanted()
    extras = {
        name: frozenset(e for one in asked if canonicalize_name(one.name) == name for e in one.extras) for name in found
    }
    direct = {places[canonicalize_name(one.name)] for one in wanted()}
    direct |= {one for one in others if not one.startswith("pkg:pypi/")}
    edges = {
        places[name]: {places[canonicalize_name(one.name)] for one in needs(package, extras[name])}
        for name, package in found.items()
    }
    return [{"ref": ref, "dependsOn": sorted(to)} for ref, to in {"dermscan": direct, **edges}.items()]


def page(whole: dict[str, Any]) -> str:
    """The licences as a table."""
    rows = [f"| {one['name']} | {one['version']} | {kind(one)} | {told(one)} |\n" for one in whole["components"]]
    return f"{HEAD}\n| component | version | what | licence |\n|---|---|---|---|\n{''.join(rows)}"


def kind(component: dict[str, Any]) -> str:
    """What a component is, in a word."""
    place = component["bom-ref"]
    words = {"pkg:pypi": "Python package", "pkg:npm": "script of the bedside page", "model:": "model", "font:": "font"}
    return next(word for start, word in words.items() if place.startswith(start))


def told(component: dict[str, Any]) -> str:
    """A component's licence."""
    (one,) = component["licenses"]
    return str(one["expression"] if "expression" in one else one["license"]["id"])


if __name__ == "__main__":
    main()
