"""An archive that a technician may send to whoever helps. Nothing gets in by being copied: every entry is made anew.

An entry is numbers, switches, hashes and words of closed vocabularies. What a person could have written - a label, a
path, an address, a name, a note - is told as "default" or "set", and what another program wrote is counted.
"""

import gzip
import io
import json
import platform
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, get_origin

from pydantic import BaseModel

from dermscan import __version__
from dermscan.bundle.loading import load_bundle
from dermscan.errors import BundleError
from dermscan.health.sentences import recognised
from dermscan.private_files import new_private_file
from dermscan.settings import Settings

ROOT = "dermscan-diagnosis"
LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "paho-mqtt", "picamera2", "sqlcipher3", "systemd-python")
UNIT_PROPERTIES = (
    "ActiveState",
    "SubState",
    "Result",
    "NRestarts",
    "ExecMainCode",
    "ExecMainStatus",
    "MemoryCurrent",
    "MemoryPeak",
    "CPUUsageNSec",
    "TasksCurrent",
    "WatchdogUSec",
    "UnitFileState",
)
"""Properties of the unit that are told; a value that is no number and no single word is not."""

PLAIN_VALUE = re.compile(r"[a-z0-9-]{1,40}|[0-9]+|\[not set\]")
RELEASE = re.compile(r"\d+\.\d+(?:\.\d+)?")

README = f"""This archive was made by `dermscan diagnose` of version {__version__}. It holds no picture, no record of
the history, no key, and nothing that a person has written: settings that are text are told as "default" or "set", and
the lines of the journal are counted by the sentence that they were made of.
"""


def write_archive(target: Path, entries: Mapping[str, str]) -> None:
    """Write a new archive, whole or not at all; its bytes follow from the entries alone.

    Args:
        target: The archive, `.tar.gz`; it must not be there.
        entries: Text by file name.

    Raises:
        OutputError: There is something already, or it cannot be written.
    """
    content = _packed({"README.txt": README, **entries})
    with new_private_file(target) as file:
        file.write(content)


def _packed(entries: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, text in sorted(entries.items()):
            content = text.encode("utf-8")
            about = tarfile.TarInfo(f"{ROOT}/{name}")
            about.size, about.mode = len(content), 0o644
            archive.addfile(about, io.BytesIO(content))
    return packed.getvalue()


def json_entry(value: object) -> str:
    """A value as the text of an entry."""
    return json.dumps(value, indent=2, sort_keys=True, default=str) + "\n"


def versions() -> dict[str, str]:
    """Versions of the software, of Python, of the kernel and of the libraries that do the work."""
    kernel = RELEASE.match(platform.release())
    found = {"dermscan": __version__, "python": platform.python_version(), "machine": platform.machine()}
    found["kernel"] = kernel[0] if kernel else "unknown"
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def redacted_settings(settings: Settings) -> dict[str, Any]:
    """The settings without anything that a person could have written."""
    return _redacted(settings)


def _redacted(section: BaseModel) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            told[name] = _redacted(value)
        elif value is None or isinstance(value, bool | int | float) or get_origin(field.annotation) is Literal:
            told[name] = value
        else:
            told[name] = "default" if value == field.default else "set"
    return told


def bundle_state(folder: Path | None) -> dict[str, object]:
    """Whether the bundle is whole, and the hashes that say which it is."""
    try:
        bundle = load_bundle(folder)
    except BundleError as error:
        return {"problem": type(error).__name__}
    files = [{"bytes": file.bytes, "sha256": file.sha256} for file in bundle.manifest.files]
    return {"manifest": bundle.manifest_hash, "format": bundle.manifest.format_version, "files": files}


def journal_counts(lines: Iterable[str]) -> str:
    """How often each own sentence was written, hour by hour.

    Args:
        lines: What `journalctl --output=json` prints, a JSON object a line.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for line in lines:
        with suppress(ValueError, TypeError, KeyError, OverflowError, OSError):
            entry = json.loads(line)
            when = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
            message = entry["MESSAGE"]
            said = recognised(message if isinstance(message, str) else "")
            counts[when.strftime("%Y-%m-%d %H h"), said] += 1
    rows = [f"{hour}  {count:6d}  {said}\n" for (hour, said), count in sorted(counts.items())]
    return "".join(rows) or "nothing\n"


def unit_state(shown: str) -> dict[str, str]:
    """What `systemctl show` prints of the unit, of the listed properties only."""
    found = dict(line.partition("=")[::2] for line in shown.splitlines())
    return {name: found[name] for name in UNIT_PROPERTIES if PLAIN_VALUE.fullmatch(found.get(name, ""))}
