"""A signature is checked as the standard says, and nothing without a trusted one is read."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from dermscan.bundle.loading import load_bundle, shipped_folder
from dermscan.bundle.signing import TrustedKey, fingerprint_of, signer_of, trusted_keys
from dermscan.errors import BundleUntrusted, SettingsError

CHECKOUT = Path(__file__).parents[2]
MakeBundle = Callable[..., Path]
Keys = tuple[TrustedKey, ...]


@pytest.fixture(scope="module")
def sign_bundle() -> ModuleType:
    sys.path.insert(0, str(CHECKOUT / "models"))
    try:
        return importlib.import_module("sign_bundle")
    finally:
        sys.path.remove(str(CHECKOUT / "models"))


def as_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_the_standards_own_example_is_signed() -> None:
    """RFC 8032, section 7.1, test 3."""
    public = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    signature = (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    known = (TrustedKey("standard", fingerprint_of(key), key),)
    assert signer_of(bytes.fromhex("af82"), bytes.fromhex(signature), known).name == "standard"
    with pytest.raises(BundleUntrusted):
        signer_of(bytes.fromhex("af83"), bytes.fromhex(signature), known)


def test_the_shipped_bundle_is_signed_by_the_key_that_comes_with_the_software() -> None:
    bundle = load_bundle(shipped_folder(), trusted_keys())
    assert bundle.signer is not None
    assert bundle.signer.name == "release"


def test_any_tool_can_check_the_shipped_signature() -> None:
    key = CHECKOUT / "service/dermscan/bundle/keys/release.pub"
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-rawin"]
    files = ["-in", "manifest.json", "-sigfile", "manifest.json.sig"]
    subprocess.run([*command, *files], cwd=shipped_folder(), check=True, capture_output=True)


def test_a_signed_bundle_is_loaded_and_names_its_signer(make_bundle: MakeBundle, keys: Keys) -> None:
    bundle = load_bundle(make_bundle(), keys)
    assert bundle.signer == keys[0]


@pytest.mark.parametrize("signature", [None, b"", b"\0" * 63, b"\0" * 64, b"\0" * 65])
def test_no_signature_and_no_good_one_are_refused(make_bundle: MakeBundle, keys: Keys, signature: bytes | None) -> None:
    folder = make_bundle()
    (folder / "manifest.json.sig").unlink()
    if signature is not None:
        (folder / "manifest.json.sig").write_bytes(signature)
    with pytest.raises(BundleUntrusted):
        load_bundle(folder, keys)


def test_a_strangers_signature_is_refused(make_bundle: MakeBundle, keys: Keys) -> None:
    folder = make_bundle(key=Ed25519PrivateKey.generate())
    with pytest.raises(BundleUntrusted, match="none of the trusted keys"):
        load_bundle(folder, keys)


def test_without_keys_nothing_is_trusted(make_bundle: MakeBundle) -> None:
    with pytest.raises(BundleUntrusted):
        load_bundle(make_bundle(), ())


def test_the_signature_of_another_bundle_does_not_fit(make_bundle: MakeBundle, keys: Keys) -> None:
    first, second = make_bundle("dermscan-1.0.0"), make_bundle("dermscan-1.0.1")
    shutil.copyfile(first / "manifest.json.sig", second / "manifest.json.sig")
    with pytest.raises(BundleUntrusted):
        load_bundle(second, keys)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_a_signed_manifest_can_be_changed(keys: Keys, at: int, bit: int) -> None:
    content = (shipped_folder() / "manifest.json").read_bytes()
    maker = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    altered = bytearray(content)
    altered[at % len(content)] ^= 1 << bit
    signature = maker.sign(content)
    assert signer_of(content, signature, keys) == keys[0]
    with pytest.raises(BundleUntrusted):
        signer_of(bytes(altered), signature, keys)


def test_a_manifest_is_not_even_read_before_its_signature_is_good(make_bundle: MakeBundle, keys: Keys) -> None:
    folder = make_bundle()
    (folder / "manifest.json").write_bytes(b"{")
    with pytest.raises(BundleUntrusted):
        load_bundle(folder, keys)


def test_keys_of_a_folder_are_trusted_beside_those_of_the_software(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate().public_key()
    (tmp_path / "clinic.pub").write_bytes(as_pem(key))
    (tmp_path / "readme.txt").write_text("no key", encoding="utf-8")
    names = {trusted.name: trusted.fingerprint for trusted in trusted_keys(tmp_path)}
    assert names["clinic"] == fingerprint_of(key)
    assert set(names) == {"clinic", "release"}
    assert trusted_keys(tmp_path / "nowhere") == trusted_keys()


def no_key(file: Path) -> None:
    file.write_bytes(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")


def another_kind(file: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def a_folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("lay", [no_key, another_kind, a_folder])
def test_what_is_no_key_is_named(tmp_path: Path, lay: Callable[[Path], None]) -> None:
    lay(tmp_path / "broken.pub")
    with pytest.raises(SettingsError, match=r"broken\.pub"):
        trusted_keys(tmp_path)


def test_a_bundle_is_signed_with_a_key_that_is_made_for_its_owner_alone(
    sign_bundle: ModuleType, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    folder, key = make_bundle(key=None), tmp_path / "secret" / "release.key"
    fingerprint = sign_bundle.sign(folder, key)
    assert key.stat().st_mode & 0o777 == 0o600
    (tmp_path / "keys").mkdir()
    shutil.copyfile(tmp_path / "secret" / "release.key.pub", tmp_path / "keys" / "new.pub")
    assert load_bundle(folder, trusted_keys(tmp_path / "keys")).signer is not None
    assert sign_bundle.sign(folder, key) == fingerprint, "the same key, not another one"


def test_a_signing_key_inside_the_repository_is_refused(sign_bundle: ModuleType, make_bundle: MakeBundle) -> None:
    inside = CHECKOUT / "models" / "never.key"
    with pytest.raises(ValueError, match="outside of the repository"):
        sign_bundle.sign(make_bundle(key=None), inside)
    assert not inside.exists()
