"""Finding a bundle and holding it to its manifest before anything of it is run."""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from dermscan.bundle.manifest import FORMAT_VERSION, BundleFile, Manifest
from dermscan.bundle.signing import SIGNATURE_NAME, TrustedKey, signer_of
from dermscan.errors import BundleCorrupt, BundleNotFound, BundleUnsupported

MANIFEST_NAME = "manifest.json"
SHIPPED_NAME = "dermscan-0.4.0"
"""The bundle that comes with this version of the software."""
LARGEST_MANIFEST = 1_000_000
"""Bytes of the longest manifest that is looked at."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model bundle whose every file was found as its manifest promises.

    Attributes:
        folder: Where it lies.
        manifest: What it says of itself.
        manifest_hash: SHA-256 of the manifest's bytes, hexadecimal; it stands for every file, whose hashes are inside.
        signer: The trusted key that signed it; None when no signature was asked for.
    """

    folder: Path
    manifest: Manifest
    manifest_hash: str
    signer: TrustedKey | None = None

    def path(self, file: BundleFile) -> Path:
        """Where a file of the manifest lies."""
        return self.folder / file.path


def shipped_folder() -> Path:
    """Folder of the bundle that came with the software: in a checkout, or below the installation's prefix."""
    checkout = Path(__file__).parents[3] / "models" / SHIPPED_NAME
    if (checkout / MANIFEST_NAME).exists():
        return checkout
    return Path(sys.prefix) / "share" / "dermscan" / "models" / SHIPPED_NAME


def load_bundle(folder: Path | None = None, keys: tuple[TrustedKey, ...] | None = None) -> Bundle:
    """Read a bundle's manifest and verify every file it names.

    Args:
        folder: The bundle's folder; None takes the one that came with the software.
        keys: The keys of which one must have signed it; None asks for no signature.

    Raises:
        BundleNotFound: There is no manifest.
        BundleUntrusted: None of the keys signed the manifest.
        BundleUnsupported: The manifest is of another form than this software reads.
        BundleCorrupt: The manifest or a file it names is damaged or missing.
    """
    folder = shipped_folder() if folder is None else folder
    content = _read(folder / MANIFEST_NAME, LARGEST_MANIFEST)
    if content is None:
        raise BundleNotFound(place=folder)
    signer = None if keys is None else signer_of(content, _read(folder / SIGNATURE_NAME, LARGEST_MANIFEST), keys)
    bundle = Bundle(folder, parse_manifest(content), hashlib.sha256(content).hexdigest(), signer)
    for file in bundle.manifest.files:
        _verify(bundle, file)
    return bundle


def _read(path: Path, most: int) -> bytes | None:
    """A file's bytes; None where there is no such file."""
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BundleCorrupt(problem=f"{path.name} cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise BundleCorrupt(problem=f"{path.name} is too long")
    return content


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest's bytes.

    Raises:
        BundleUnsupported: It is of another form than this software reads.
        BundleCorrupt: It is no manifest.
    """
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        raise BundleCorrupt(problem=f"{MANIFEST_NAME} is not JSON") from None
    version = fields.get("format_version") if isinstance(fields, dict) else None
    if isinstance(version, int) and version != FORMAT_VERSION:
        raise BundleUnsupported(problem=f"its form is {version}, and this software reads {FORMAT_VERSION}")
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleCorrupt(problem=f"{MANIFEST_NAME}: {where}: {first['msg']}") from None


def _verify(bundle: Bundle, file: BundleFile) -> None:
    try:
        with bundle.path(file).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            length = stream.tell()
    except OSError as error:
        raise BundleCorrupt(problem=f"{file.path} cannot be read: {error.strerror}") from None
    if length != file.bytes or digest != file.sha256:
        raise BundleCorrupt(problem=f"{file.path} is not the file that the manifest names")
