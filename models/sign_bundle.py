"""Signs a model bundle with an Ed25519 key, which is made where there is none. The key never enters the repository.

    python models/sign_bundle.py models/dermscan-0.4.0 --key ~/dermscan-release.key

A new key's public half lies beside it as FILE.pub. Devices trust it once it lies in `service/dermscan/bundle/keys/`,
for all that follows, or in `/etc/dermscan/bundle-keys.d/` of one device.
"""

import os
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from dermscan.bundle.loading import MANIFEST_NAME, load_bundle
from dermscan.bundle.signing import SIGNATURE_NAME, fingerprint_of, trusted_keys

REPOSITORY = Path(__file__).resolve().parents[1]


def make_key(file: Path) -> None:
    """Make a private key, readable by its owner alone, and its public half beside it."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(secret)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    file.with_name(f"{file.name}.pub").write_bytes(public)


def read_key(file: Path) -> Ed25519PrivateKey:
    """Read a private key in PEM."""
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        message = f"{file} is no Ed25519 key"
        raise TypeError(message)
    return key


def sign(bundle: Path, key_file: Path) -> str:
    """Sign a bundle that is whole; the key's fingerprint."""
    if key_file.resolve().is_relative_to(REPOSITORY):
        message = "the signing key must lie outside of the repository"
        raise ValueError(message)
    if not key_file.exists():
        make_key(key_file)
    load_bundle(bundle)
    key = read_key(key_file)
    (bundle / SIGNATURE_NAME).write_bytes(key.sign((bundle / MANIFEST_NAME).read_bytes()))
    return fingerprint_of(key.public_key())


def main(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")],
    key: Annotated[Path, typer.Option(help="The private key; it is made where there is none.")],
) -> None:
    """Sign a bundle, and say whether devices trust the key."""
    fingerprint = sign(bundle, key)
    print(f"{bundle.name}: signed by {fingerprint}")
    if fingerprint not in {trusted.fingerprint for trusted in trusted_keys()}:
        print(f"No device trusts this key yet: copy {key}.pub to service/dermscan/bundle/keys/NAME.pub and commit it")


if __name__ == "__main__":
    typer.run(main)
