"""Bundles of a maker of the tests' own, made from the shipped one: real models under another name and key."""

import json
import shutil
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dermscan.bundle.loading import Bundle

MAKER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def trust_maker(folder: Path) -> Path:
    """Lay the maker's public key into a folder."""
    folder.mkdir(exist_ok=True)
    public = MAKER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "maker.pub").write_bytes(public)
    return folder


def signed_copy(bundle: Bundle, target: Path, **changes: Any) -> Path:
    """The bundle under the name of its new folder, signed by the maker; `changes` are made to its manifest."""
    shutil.copytree(bundle.folder, target)
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8")) | {"name": target.name} | changes
    content = json.dumps(manifest).encode()
    (target / "manifest.json").write_bytes(content)
    (target / "manifest.json.sig").write_bytes(MAKER.sign(content))
    return target
