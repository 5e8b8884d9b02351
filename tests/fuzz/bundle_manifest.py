"""A bundle's manifest: one that this software can hold to its word, or a reason."""

import json

from dermscan.bundle.loading import MANIFEST_NAME, parse_manifest, shipped_folder
from dermscan.bundle.manifest import Manifest
from dermscan.errors import BundleError

WHOLE = (shipped_folder() / MANIFEST_NAME).read_bytes()
SEEDS = (WHOLE, json.dumps(json.loads(WHOLE) | {"format_version": 99}).encode(), b"[" * 5000, b"null", b'{"a":1}')


def fuzz(data: bytes) -> None:
    try:
        assert isinstance(parse_manifest(data), Manifest)
    except BundleError:
        return
