"""The installed bundle is run; where it is unusable the last good one, and then the one that came with the software."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dermscan.bundle.choosing import Choice, choose
from dermscan.bundle.installing import Installation
from dermscan.bundle.loading import SHIPPED_NAME, Bundle
from dermscan.bundle.signing import TrustedKey
from dermscan.bundle.store import BundleStore
from dermscan.errors import BundleCorrupt, BundleError, BundleNotFound, BundleUnsupported, BundleUntrusted
from dermscan.settings import ModelSettings

MakeBundle = Callable[..., Path]
Keys = tuple[TrustedKey, ...]


def whole(bundle: Bundle) -> Bundle:
    return bundle


@pytest.fixture
def device(tmp_path: Path, keys: Keys, make_bundle: MakeBundle) -> ModelSettings:
    """A device on which 1.0.0 and then 1.1.0 were installed."""
    (tmp_path / "keys").mkdir()
    public = keys[0].key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "keys" / "maker.pub").write_bytes(public)
    installation = Installation(BundleStore(tmp_path / "store"), keys, lambda _bundle: None)
    for name in ("dermscan-1.0.0", "dermscan-1.1.0"):
        installation.install(make_bundle(name), None, lambda _done, _total: None)
    return ModelSettings(store=tmp_path / "store", keys=tmp_path / "keys")


def name_of(choice: Choice[Bundle]) -> str:
    return choice.bundle.manifest.name


def test_without_an_installed_bundle_the_shipped_one_is_run(tmp_path: Path) -> None:
    choice = choose(ModelSettings(store=tmp_path, keys=tmp_path), whole)
    assert name_of(choice) == SHIPPED_NAME
    assert choice.refused == ()


def test_the_installed_one_is_run(device: ModelSettings) -> None:
    choice = choose(device, whole)
    assert name_of(choice) == "dermscan-1.1.0"
    assert choice.loaded is choice.bundle
    assert choice.refused == ()


def rotten(place: Path) -> None:
    (place / "roi.onnx").write_bytes(b"rot")


def forged(place: Path) -> None:
    manifest = place / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("0.3", "0.1"), encoding="utf-8")


def without_signature(place: Path) -> None:
    (place / "manifest.json.sig").unlink()


def gone(place: Path) -> None:
    shutil.rmtree(place)


DAMAGES: dict[Callable[[Path], None], type[BundleError]] = {
    rotten: BundleCorrupt,
    forged: BundleUntrusted,
    without_signature: BundleUntrusted,
    gone: BundleNotFound,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_last_good_one_stands_in(device: ModelSettings, damage: Callable[[Path], None]) -> None:
    damage(device.store / "dermscan-1.1.0")
    choice = choose(device, whole)
    assert name_of(choice) == "dermscan-1.0.0"
    assert [type(error) for error in choice.refused] == [DAMAGES[damage]]


def test_the_shipped_one_stands_in_for_both(device: ModelSettings) -> None:
    rotten(device.store / "dermscan-1.0.0")
    forged(device.store / "dermscan-1.1.0")
    choice = choose(device, whole)
    assert name_of(choice) == SHIPPED_NAME
    assert [type(error) for error in choice.refused] == [BundleUntrusted, BundleCorrupt]


def test_one_that_cannot_be_loaded_is_refused_too(device: ModelSettings) -> None:
    def load(bundle: Bundle) -> Bundle:
        if bundle.manifest.name == "dermscan-1.1.0":
            raise BundleUnsupported(problem="its classifier does not name the eight codes, each once")
        return bundle

    choice = choose(device, load)
    assert name_of(choice) == "dermscan-1.0.0"
    assert len(choice.refused) == 1


def test_when_nothing_can_be_loaded_the_last_error_is_told(device: ModelSettings) -> None:
    def load(bundle: Bundle) -> Bundle:
        raise BundleCorrupt(problem=f"{bundle.manifest.name} is no model that can be read")

    with pytest.raises(BundleError, match=SHIPPED_NAME):
        choose(device, load)


def test_nothing_stands_in_for_a_bundle_that_is_named(device: ModelSettings, make_bundle: MakeBundle) -> None:
    named = make_bundle("dermscan-0.0.9")
    settings = device.model_copy(update={"bundle": named})
    assert name_of(choose(settings, whole)) == "dermscan-0.0.9"
    rotten(named)
    with pytest.raises(BundleCorrupt):
        choose(settings, whole)


def test_an_unsigned_bundle_is_run_only_when_it_is_named_and_allowed(
    device: ModelSettings, make_bundle: MakeBundle
) -> None:
    settings = device.model_copy(update={"bundle": make_bundle("dermscan-2.0.0", key=None)})
    with pytest.raises(BundleUntrusted):
        choose(settings, whole)
    allowed = choose(settings.model_copy(update={"unsigned": True}), whole)
    assert allowed.bundle.signer is None
    without_signature(device.store / "dermscan-1.1.0")
    assert name_of(choose(device.model_copy(update={"unsigned": True}), whole)) == "dermscan-1.0.0"


def test_a_store_that_cannot_be_read_is_told_and_the_shipped_one_is_run(
    device: ModelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> Path:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "readlink", refuse)
    choice = choose(device, whole)
    assert name_of(choice) == SHIPPED_NAME
    assert [str(error) for error in choice.refused] == [
        "The model bundle is damaged: the store of installed bundles cannot be read: Permission denied"
    ]
