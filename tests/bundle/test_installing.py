"""Whatever is offered, the bundle in service is a whole one of a trusted maker: the old one when anything is wrong."""

import errno
import io
import os
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dermscan.bundle import source as archive_source
from dermscan.bundle.installing import Installation
from dermscan.bundle.loading import Bundle, load_bundle
from dermscan.bundle.manifest import Manifest
from dermscan.bundle.signing import TrustedKey
from dermscan.bundle.store import CURRENT, PREVIOUS, BundleStore
from dermscan.errors import (
    BundleCorrupt,
    BundleError,
    BundleNotFound,
    BundleNotNewer,
    BundleSelfTestFailed,
    BundleUnsupported,
    BundleUntrusted,
    InputError,
    OutputError,
)

MakeBundle = Callable[..., Path]
Keys = tuple[TrustedKey, ...]


class Device:
    """A store, and what a person does with it."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.proved: list[str] = []
        self.store = BundleStore(folder)
        self.installation = Installation(self.store, keys, self.prove)
        self.fails = False

    def prove(self, bundle: Bundle) -> None:
        self.proved.append(bundle.manifest.name)
        if self.fails:
            raise BundleSelfTestFailed(problem="1 of 2 golden cases differ")

    def in_service(self) -> Manifest | None:
        name = self.store.linked(CURRENT)
        return None if name is None else load_bundle(self.store.place(name), self.installation.keys).manifest

    def install(self, place: Path, *, allow_older: bool = False) -> Bundle:
        return self.installation.install(place, self.in_service(), lambda _done, _all: None, allow_older=allow_older)

    def state(self) -> tuple[str | None, str | None]:
        return self.store.linked(CURRENT), self.store.linked(PREVIOUS)

    def rest(self) -> list[str]:
        return sorted(path.name for path in self.store.folder.glob(".*") if path.name.startswith("."))


@pytest.fixture
def device(tmp_path: Path, keys: Keys) -> Device:
    return Device(tmp_path / "store", keys)


def zipped(folder: Path, prefix: str = "", method: int = zipfile.ZIP_DEFLATED) -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, prefix + path.relative_to(folder).as_posix())
    return target


def as_folder(folder: Path) -> Path:
    return folder


@pytest.mark.parametrize(
    "form",
    [as_folder, zipped, partial(zipped, prefix="dermscan-1.0.0/"), partial(zipped, method=zipfile.ZIP_STORED)],
    ids=["folder", "zip", "zip of a folder", "zip stored"],
)
def test_a_good_bundle_comes_into_service(
    device: Device, make_bundle: MakeBundle, form: Callable[[Path], Path]
) -> None:
    bundle = device.install(form(make_bundle()))
    assert bundle.manifest.name == "dermscan-1.0.0"
    assert device.state() == ("dermscan-1.0.0", None)
    assert device.proved == ["dermscan-1.0.0"]
    assert device.rest() == []
    assert bundle.path(bundle.manifest.roi.file).read_bytes() == b"roi"


def test_only_what_is_signed_is_laid_down_and_all_may_read_it(device: Device, make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    (folder / "surprise.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    before = os.umask(0o077)
    try:
        place = device.install(folder).folder
    finally:
        os.umask(before)
    assert not (place / "surprise.sh").exists()
    assert {path.stat().st_mode & 0o777 for path in place.rglob("*") if path.is_file()} == {0o644}
    assert {path.stat().st_mode & 0o777 for path in (place, place / "golden", place.parent)} == {0o755}


def test_the_last_good_one_is_kept_and_the_one_before_it_goes(device: Device, make_bundle: MakeBundle) -> None:
    for name in ("dermscan-1.0.0", "dermscan-1.1.0", "dermscan-2.0.0"):
        device.install(make_bundle(name))
    assert device.state() == ("dermscan-2.0.0", "dermscan-1.1.0")
    assert device.store.names() == ("dermscan-1.1.0", "dermscan-2.0.0")


def test_the_same_bundle_again_changes_nothing(device: Device, make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    device.install(folder)
    assert device.install(folder).manifest.name == "dermscan-1.0.0"
    assert device.proved == ["dermscan-1.0.0"]


def test_versions_are_compared_as_numbers(device: Device, make_bundle: MakeBundle) -> None:
    device.install(make_bundle("dermscan-0.9.0"))
    device.install(make_bundle("dermscan-0.10.0"))
    assert device.state() == ("dermscan-0.10.0", "dermscan-0.9.0")


@pytest.mark.parametrize("name", ["dermscan-0.9.9", "other-1.0.0"])
def test_one_that_is_not_newer_is_refused_unless_it_is_allowed(
    device: Device, make_bundle: MakeBundle, name: str
) -> None:
    device.install(make_bundle("dermscan-1.0.0"))
    older = make_bundle(name)
    with pytest.raises(BundleNotNewer, match=rf"{name} .* dermscan-1\.0\.0"):
        device.install(older)
    assert device.state() == ("dermscan-1.0.0", None)
    device.install(older, allow_older=True)
    assert device.state() == (name, "dermscan-1.0.0")


def test_a_name_stands_for_one_content(device: Device, make_bundle: MakeBundle, tmp_path: Path) -> None:
    device.install(make_bundle("dermscan-1.0.0"))
    shutil.rmtree(tmp_path / "made")
    other = make_bundle("dermscan-1.0.0", b"another classifier")
    with pytest.raises(BundleCorrupt, match="another content"):
        device.install(other, allow_older=True)
    assert load_bundle(device.store.place("dermscan-1.0.0"), device.installation.keys)


def test_a_bundle_without_a_version_is_refused(device: Device, make_bundle: MakeBundle) -> None:
    with pytest.raises(BundleUnsupported, match="does not end in a version"):
        device.install(make_bundle("dermscan"))


def test_a_failing_self_test_leaves_the_old_one(device: Device, make_bundle: MakeBundle) -> None:
    device.install(make_bundle("dermscan-1.0.0"))
    device.fails = True
    with pytest.raises(BundleSelfTestFailed):
        device.install(make_bundle("dermscan-1.1.0"))
    assert device.state() == ("dermscan-1.0.0", None)
    assert device.rest() == []


def flipped(folder: Path) -> None:
    (folder / "roi.onnx").write_bytes(b"rOi")


def longer(folder: Path) -> None:
    (folder / "roi.onnx").write_bytes(b"roi and much more")


def missing(folder: Path) -> None:
    (folder / "golden" / "skin.png").unlink()


def a_link(folder: Path) -> None:
    (folder / "roi.onnx").rename(folder / "elsewhere")
    (folder / "roi.onnx").symlink_to("elsewhere")


def a_linked_folder(folder: Path) -> None:
    (folder / "golden").rename(folder / "elsewhere")
    (folder / "golden").symlink_to("elsewhere")


def a_pipe(folder: Path) -> None:
    (folder / "roi.onnx").unlink()
    os.mkfifo(folder / "roi.onnx")


@pytest.mark.parametrize("damage", [flipped, longer, missing, a_link, a_linked_folder, a_pipe])
def test_a_damaged_folder_leaves_the_old_one(
    device: Device, make_bundle: MakeBundle, damage: Callable[[Path], None]
) -> None:
    device.install(make_bundle("dermscan-1.0.0"))
    folder = make_bundle("dermscan-1.1.0")
    damage(folder)
    with pytest.raises(BundleCorrupt, match=r"roi\.onnx|golden"):
        device.install(folder)
    assert device.state() == ("dermscan-1.0.0", None)
    assert device.rest() == []
    assert "dermscan-1.1.0" not in device.proved


@pytest.mark.parametrize("form", [as_folder, zipped])
@pytest.mark.parametrize("key", [None, Ed25519PrivateKey.from_private_bytes(bytes(32))], ids=["unsigned", "forged"])
def test_what_no_trusted_key_signed_is_refused(
    device: Device, make_bundle: MakeBundle, form: Callable[[Path], Path], key: Ed25519PrivateKey | None
) -> None:
    with pytest.raises(BundleUntrusted):
        device.install(form(make_bundle(key=key)))
    assert device.state() == (None, None)
    assert device.rest() == []


def test_nothing_to_read_is_one_sentence(device: Device, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleNotFound):
        device.install(tmp_path / "empty")
    with pytest.raises(InputError, match="No such file"):
        device.install(tmp_path / "nowhere.zip")


def member(name: str, mode: int = 0o100644, **more: Any) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    for key, value in more.items():
        setattr(made, key, value)
    return made


HOSTILE = {
    "leads outside": [member("../outside")],
    "absolute": [member("/etc/outside")],
    "backslash": [member("..\\outside")],
    "link": [member("link", 0o120777)],
    "device": [member("device", 0o060644)],
    "bzip2": [member("packed", compress_type=zipfile.ZIP_BZIP2)],
    "second manifest": [member("dermscan-1.0.0/manifest.json")],
    "many": [member(f"{number}") for number in range(300)],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_archive_with_a_hostile_member_is_refused_whole(
    device: Device, make_bundle: MakeBundle, tmp_path: Path, kind: str
) -> None:
    archive = zipped(make_bundle())
    with zipfile.ZipFile(archive, "a") as opened:
        for entry in HOSTILE[kind]:
            opened.writestr(entry, b"evil")
    with pytest.raises(BundleCorrupt, match="archive"):
        device.install(archive)
    assert device.state() == (None, None)
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(device: Device, make_bundle: MakeBundle) -> None:
    archive = zipped(make_bundle())
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr("manifest.json", b"{}")
    with pytest.raises(BundleCorrupt, match="twice"):
        device.install(archive)


def test_an_encrypted_archive_is_refused(device: Device, make_bundle: MakeBundle) -> None:
    archive = zipped(make_bundle())
    content = bytearray(archive.read_bytes())
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(BundleCorrupt, match="encrypted"):
        device.install(archive)


def test_a_member_that_swells_is_not_unpacked(device: Device, make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    (folder / "roi.onnx").write_bytes(bytes(30_000_000))
    archive = zipped(folder)
    assert archive.stat().st_size < 100_000
    with pytest.raises(BundleCorrupt, match=r"roi\.onnx is not the file"):
        device.install(archive)
    assert device.rest() == []


def thousands(content: bytearray, end: int) -> None:
    content[end + 10 : end + 12] = b"\xff\xff"


def a_long_directory(content: bytearray, end: int) -> None:
    content[end + 12 : end + 16] = (1 << 30).to_bytes(4, "little")


def sixty_four_bits(content: bytearray, end: int) -> None:
    content[end:end] = b"PK\x06\x07" + bytes(16)


@pytest.mark.parametrize("claim", [thousands, a_long_directory, sixty_four_bits])
def test_a_directory_of_millions_is_not_read(
    device: Device, make_bundle: MakeBundle, claim: Callable[[bytearray, int], None]
) -> None:
    archive = zipped(make_bundle())
    content = bytearray(archive.read_bytes())
    claim(content, content.rfind(b"PK\x05\x06"))
    archive.write_bytes(content)
    with pytest.raises(BundleCorrupt, match="more than 256 members"):
        device.install(archive)


def test_too_large_an_archive_is_not_opened(
    device: Device, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_source, "LARGEST_ARCHIVE", 100)
    with pytest.raises(BundleCorrupt, match="GB"):
        device.install(zipped(make_bundle()))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_archive_installs_what_was_signed_or_nothing(
    device: Device, make_bundle: MakeBundle, tmp_path: Path, data: st.DataObject
) -> None:
    place = tmp_path / "made" / "dermscan-1.0.0.zip"
    whole = place.with_suffix(".whole")
    if not whole.exists():
        zipped(make_bundle()).rename(whole)
    content = bytearray(whole.read_bytes())
    if data.draw(st.booleans(), "cut"):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
            content[at] = data.draw(st.integers(0, 255))
    place.write_bytes(content)
    shutil.rmtree(device.store.folder, ignore_errors=True)
    with suppress(BundleError):
        device.install(place)
    assert device.rest() == []
    if device.in_service() is not None:
        bundle = device.store.place("dermscan-1.0.0")
        assert [(bundle / name).read_bytes() for name in ("roi.onnx", "classifier.onnx")] == [b"roi", b"classifier"]


def test_a_text_is_no_archive(device: Device, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("this is no archive", encoding="utf-8")
    with pytest.raises(BundleCorrupt, match="no zip file"):
        device.install(tmp_path / "text.zip")


def test_a_full_disk_leaves_the_old_one(
    device: Device, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.install(make_bundle("dermscan-1.0.0"))
    newer = make_bundle("dermscan-1.1.0")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        device.install(newer)
    monkeypatch.undo()
    assert device.state() == ("dermscan-1.0.0", None)
    assert device.rest() == []


def test_two_installations_at_once_are_one_too_many(device: Device, make_bundle: MakeBundle) -> None:
    with device.store.locked(), pytest.raises(OutputError, match="another installation"):
        device.install(make_bundle())


def test_a_link_in_place_of_the_store_is_refused(device: Device, make_bundle: MakeBundle, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    device.store.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError):
        device.install(make_bundle())
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_damaged_installed_bundle_is_laid_down_anew(device: Device, make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    place = device.install(folder).folder
    (place / "roi.onnx").write_bytes(b"rot")
    nothing: Callable[[int, int], None] = lambda _done, _all: None  # noqa: E731 - two words
    device.installation.install(folder, None, nothing)
    assert (place / "roi.onnx").read_bytes() == b"roi"
    assert device.rest() == []


def test_a_damaged_one_does_not_become_the_last_good_one(device: Device, make_bundle: MakeBundle) -> None:
    device.install(make_bundle("dermscan-1.0.0"))
    device.install(make_bundle("dermscan-1.1.0"))
    (device.store.place("dermscan-1.1.0") / "roi.onnx").write_bytes(b"rot")
    device.installation.install(make_bundle("dermscan-1.2.0"), None, lambda _done, _all: None)
    assert device.state() == ("dermscan-1.2.0", "dermscan-1.0.0")


def test_going_back_leads_to_the_last_good_one_and_then_to_the_software(
    device: Device, make_bundle: MakeBundle
) -> None:
    device.install(make_bundle("dermscan-1.0.0"))
    device.install(make_bundle("dermscan-1.1.0"))
    back = device.installation.roll_back()
    assert back is not None
    assert back.manifest.name == "dermscan-1.0.0"
    assert device.state() == ("dermscan-1.0.0", None)
    assert device.installation.roll_back() is None
    assert device.state() == (None, None)
    with pytest.raises(BundleNotFound):
        device.installation.roll_back()


def test_going_back_passes_over_a_damaged_one(device: Device, make_bundle: MakeBundle) -> None:
    device.install(make_bundle("dermscan-1.0.0"))
    device.install(make_bundle("dermscan-1.1.0"))
    (device.store.place("dermscan-1.0.0") / "roi.onnx").unlink()
    assert device.installation.roll_back() is None


@pytest.mark.parametrize("target", ["../elsewhere", "/etc", ".incoming-x", "UPPER"])
def test_a_link_that_leads_elsewhere_is_no_link(device: Device, target: str) -> None:
    device.store.folder.mkdir()
    (device.store.folder / CURRENT).symlink_to(target)
    assert device.store.linked(CURRENT) is None


@pytest.mark.parametrize("form", [as_folder, zipped])
def test_verifying_installs_nothing(device: Device, make_bundle: MakeBundle, form: Callable[[Path], Path]) -> None:
    told = io.StringIO()
    bundle = device.installation.verify(form(make_bundle()), lambda done, total: print(done, total, file=told))
    assert bundle.signer == device.installation.keys[0]
    assert device.proved == ["dermscan-1.0.0"]
    assert not device.store.folder.exists()
    done, total = told.getvalue().splitlines()[-1].split()
    assert done == total
