"""What a store of bundles must do entirely or not at all: installing a bundle, and going back to the last one."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))


from dermscan.bundle.installing import Installation
from dermscan.bundle.loading import load_bundle, shipped_folder
from dermscan.bundle.signing import TrustedKey, fingerprint_of
from dermscan.bundle.store import CURRENT, INCOMING, BundleStore
from power.cutting import AFTER, BEFORE, Operation
from power.recording import mark_begin
from signed_bundles import MAKER

FIRST, SECOND, NEW = "dermscan-1.0.0", "dermscan-1.1.0", "dermscan-1.2.0"
KEYS = (TrustedKey("maker", fingerprint_of(MAKER.public_key()), MAKER.public_key()),)


def installation(folder: Path) -> Installation:
    """A store whose bundles prove nothing: their models are some bytes."""
    return Installation(BundleStore(folder / "store"), KEYS, lambda _bundle: None)


def made(folder: Path, name: str) -> Path:
    """A signed bundle with the shipped one's manifest and small files."""
    target = folder / "source" / name
    target.mkdir(parents=True)
    manifest = json.loads((shipped_folder() / "manifest.json").read_text(encoding="utf-8")) | {"name": name}
    _shrink(manifest, target)
    content = json.dumps(manifest).encode()
    (target / "manifest.json").write_bytes(content)
    (target / "manifest.json.sig").write_bytes(MAKER.sign(content))
    return target


def _shrink(part: Any, target: Path) -> None:
    """Give every file that a manifest names a small content of its own."""
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _shrink(inner, target)
    if isinstance(part, dict) and {"path", "sha256", "bytes"} <= part.keys():
        content = f"{target.name}/{part['path']}".encode() * 40
        (target / part["path"]).parent.mkdir(exist_ok=True)
        (target / part["path"]).write_bytes(content)
        part.update(sha256=sha256(content).hexdigest(), bytes=len(content))


def install(folder: Path, source: Path) -> None:
    """Take a bundle into service."""
    installation(folder).install(source, None, lambda _done, _total: None)


def with_two_bundles(folder: Path) -> None:
    """A store of two bundles, and a third one to install."""
    for name in (FIRST, SECOND):
        install(folder, made(folder, name))
    made(folder, NEW)


def install_the_third(folder: Path) -> None:
    """Install it."""
    mark_begin(folder)
    install(folder, folder / "source" / NEW)


def go_back(folder: Path) -> None:
    """Go back to the first."""
    mark_begin(folder)
    installation(folder).roll_back()


def in_service(folder: Path) -> str:
    """The bundle in service, which is whole."""
    name = BundleStore(folder / "store").linked(CURRENT)
    assert name is not None, "no bundle is in service"
    return load_bundle(folder / "store" / name, KEYS).manifest.name


def one_of(before: str, after: str) -> Callable[[Path], str]:
    """The one bundle or the other is in service; the next installation succeeds and clears what was left."""

    def examine(folder: Path) -> str:
        found = in_service(folder)
        assert found in {before, after}, f"{found} is in service"
        install(folder, folder / "source" / NEW)
        assert in_service(folder) == NEW
        assert not list((folder / "store").glob(f"{INCOMING}*")), "leftovers survive the next installation"
        return AFTER if found == after else BEFORE

    return examine


_INSTALLING = Operation("bundle_switch", with_two_bundles, install_the_third, one_of(SECOND, NEW), Path(__file__))
_GOING_BACK = replace(_INSTALLING, name="bundle_return", run=go_back, examine=one_of(SECOND, FIRST))
OPERATIONS = {operation.name: operation for operation in (_INSTALLING, _GOING_BACK)}
