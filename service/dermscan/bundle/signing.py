"""Who may make a bundle: Ed25519 signatures (RFC 8032) over the manifest's bytes. A device holds public keys only.

The signature is detached, 64 bytes beside the manifest, over the very bytes of `manifest.json`; the manifest holds a
SHA-256 of every other file, so that one signature speaks for all. Any tool can check it:

    openssl pkeyutl -verify -pubin -inkey KEY.pub -rawin -in manifest.json -sigfile manifest.json.sig
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from dermscan.errors import BundleUntrusted, SettingsError

SIGNATURE_NAME = "manifest.json.sig"
SIGNATURE_BYTES = 64
SHIPPED_KEYS = Path(__file__).with_name("keys")
"""Public keys of the software's own bundles."""
KEY_PATTERN = "*.pub"
LARGEST_KEY = 4096
"""Bytes of the longest public key file that is looked at."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key whose signature makes a bundle trusted.

    Attributes:
        name: The key file's name without its ending.
        fingerprint: First 16 hexadecimal digits of the SHA-256 of the raw public key.
        key: The key.
    """

    name: str
    fingerprint: str
    key: Ed25519PublicKey


def trusted_keys(*folders: Path) -> tuple[TrustedKey, ...]:
    """Read the public keys of some folders: each file `*.pub`, PEM, one key a file. A missing folder holds none.

    Args:
        folders: Where keys lie beside those that came with the software.

    Raises:
        SettingsError: A file is no Ed25519 public key, or cannot be read.
    """
    files = [file for folder in (SHIPPED_KEYS, *folders) for file in sorted(folder.glob(KEY_PATTERN))]
    return tuple(_read_key(file) for file in files)


def fingerprint_of(key: Ed25519PublicKey) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a raw public key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def signer_of(content: bytes, signature: bytes | None, keys: tuple[TrustedKey, ...]) -> TrustedKey:
    """The trusted key that signed a manifest.

    Args:
        content: The manifest's bytes.
        signature: What the signature file holds; None where there is none.
        keys: From `trusted_keys`.

    Raises:
        BundleUntrusted: There is no signature, or none of the keys made it over these bytes.
    """
    if signature is None:
        raise BundleUntrusted(problem=f"it has no {SIGNATURE_NAME}")
    if len(signature) != SIGNATURE_BYTES:
        raise BundleUntrusted(problem=f"{SIGNATURE_NAME} is no signature")
    for trusted in keys:
        if _fits(trusted.key, signature, content):
            return trusted
    raise BundleUntrusted(problem="its signature is of none of the trusted keys, or its manifest was altered")


def _fits(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _read_key(file: Path) -> TrustedKey:
    try:
        with file.open("rb") as stream:
            key = load_pem_public_key(stream.read(LARGEST_KEY))
    except OSError as error:
        raise SettingsError(problem=f"the key {file} cannot be read: {error.strerror}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError(problem=f"{file} is no public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(problem=f"{file} is no Ed25519 public key")
    return TrustedKey(file.stem, fingerprint_of(key), key)
