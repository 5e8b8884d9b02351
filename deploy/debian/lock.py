"""Writes deploy/requirements.lock: every wheel that the Debian package bundles, pinned and hashed, for both processors.

Usage: .venv/bin/python deploy/debian/lock.py. The versions are those of deploy/constraints.txt.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
LOCK = CHECKOUT / "deploy" / "requirements.lock"
PROCESSORS = ("x86_64", "aarch64")
EXTRAS = ("console", "reporting")
PYTHON = "3.11"
GLIBC = 36
"""Minor version of the C library of Debian 12."""
RASPBERRY_PI = ("simplejpeg",)
"""picamera2 and libcamera are the system's, which belong together; this one of theirs must fit the bundled NumPy."""
HEAD = """# Every wheel of the Debian package, pinned and hashed; made by deploy/debian/lock.py. Do not edit.
# pip refuses any file whose hash is not here (--require-hashes).
"""


def main() -> None:
    """Resolve for each processor and write the union."""
    found: dict[tuple[str, str], set[str]] = {}
    for processor in PROCESSORS:
        for name, version, digest in resolved(processor, (*wanted(EXTRAS), *RASPBERRY_PI)):
            found.setdefault((name, version), set()).add(digest)
    LOCK.write_text(HEAD + "".join(entry(*key, found[key]) for key in sorted(found)), encoding="utf-8")


def wanted(extras: tuple[str, ...]) -> tuple[str, ...]:
    """The requirements of the project and of those extras that it has."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    return (*project["dependencies"], *(line for extra in extras for line in optional.get(extra, ())))


def resolved(processor: str, requirements: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Name, version and SHA-256 of each wheel that pip would install on Debian 12."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(report), "--target", folder, *platforms(processor)]
        command += ["--constraint", str(CHECKOUT / "deploy" / "constraints.txt")]
        subprocess.run([*command, *requirements], check=True)
        return [described(item) for item in json.loads(report.read_text(encoding="utf-8"))["install"]]


def platforms(processor: str) -> list[str]:
    """What pip is told about a machine that is not this one."""
    tags = [f"manylinux_2_{minor}_{processor}" for minor in range(GLIBC, 4, -1)] + [f"manylinux2014_{processor}"]
    options = ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
    return [*options, *(f"--platform={tag}" for tag in tags)]


def described(item: dict[str, Any]) -> tuple[str, str, str]:
    """Name, version and SHA-256 from an entry of pip's report."""
    name = item["metadata"]["name"].lower().replace("_", "-")
    return name, item["metadata"]["version"], item["download_info"]["archive_info"]["hashes"]["sha256"]


def entry(name: str, version: str, digests: set[str]) -> str:
    """The lines of one requirement."""
    hashes = "".join(f" \\\n    --hash=sha256:{digest}" for digest in sorted(digests))
    return f"{name}=={version}{hashes}\n"


if __name__ == "__main__":
    main()
