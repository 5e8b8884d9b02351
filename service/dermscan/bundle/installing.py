"""Takes a bundle into service and back out: verify, stage, self-test, switch. What is in service stays until the end.

A bundle becomes the one in service by one rename. Before it, everything is on the disk and has passed; whatever is cut
off earlier leaves the old one in service, and its remains are swept at the next installation.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from dermscan.bundle.loading import LARGEST_MANIFEST, MANIFEST_NAME, Bundle, load_bundle, parse_manifest
from dermscan.bundle.manifest import BundleFile, Manifest
from dermscan.bundle.signing import SIGNATURE_BYTES, SIGNATURE_NAME, TrustedKey, signer_of
from dermscan.bundle.source import Source, damage_told, opened_source
from dermscan.bundle.store import CURRENT, PREVIOUS, BundleStore, disk_told, sync_folder
from dermscan.errors import BundleCorrupt, BundleError, BundleNotFound, BundleNotNewer, BundleUnsupported

LARGEST_BUNDLE = 2_000_000_000
"""Bytes of the largest bundle."""

_CHUNK = 1 << 20
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755

Prove = Callable[[Bundle], object]
"""Runs a bundle's golden cases and raises a `BundleError` when they do not pass."""
Report = Callable[[int, int], None]
"""Is told how many bytes of how many are staged."""


@dataclass(frozen=True, slots=True)
class Installation:
    """How bundles are installed on one device.

    Attributes:
        store: Where they go.
        keys: Whose bundles are trusted.
        prove: The golden self-test.
    """

    store: BundleStore
    keys: tuple[TrustedKey, ...]
    prove: Prove

    def install(self, place: Path, in_service: Manifest | None, report: Report, *, allow_older: bool = False) -> Bundle:
        """Take a bundle into service; one that is in service already is left alone.

        Args:
            place: A folder or a zip file.
            in_service: Manifest of the bundle that is in service, which the new one must be newer than; None when none
                is usable.
            report: Is told how far the staging is.
            allow_older: Whether the bundle may be as old as the one in service, or older.

        Raises:
            BundleUntrusted: It is not signed by a trusted key.
            BundleNotNewer: It is not newer than the one in service.
            BundleCorrupt: It is damaged, cut off, or of the name of another one.
            BundleUnsupported: It is made for other software, or names no version.
            BundleSelfTestFailed: It does not give the results it gave when it was made.
            InputError: There is nothing to read at the place.
            OutputError: The store cannot be written.
        """
        with opened_source(place) as source, self.store.locked():
            self.store.sweep()
            manifest, content, signature = _trusted_head(source, self.keys)
            name = manifest.name
            if self.store.linked(CURRENT) == name and (bundle := self._same(name, content)):
                return bundle
            _require_newer(manifest, in_service, allow_older=allow_older)
            incoming = self.store.incoming()
            with ExitStack() as unless_accepted:
                unless_accepted.callback(shutil.rmtree, incoming, ignore_errors=True)
                _stage(source, manifest, (content, signature), incoming, report)
                self.prove(load_bundle(incoming, self.keys))
                self._require_new_content(name, content)
                self.store.accept(incoming, name)
                unless_accepted.pop_all()
            self._switch(name)
            return load_bundle(self.store.place(name), self.keys)

    def verify(self, place: Path, report: Report) -> Bundle:
        """Put a bundle to every test of an installation, and install nothing.

        Args:
            place: A folder or a zip file.
            report: Is told how far the staging is.

        Raises:
            BundleError: As `install`, but for the versions.
            InputError: There is nothing to read at the place.
            OutputError: The temporary folder cannot be written.
        """
        with opened_source(place) as source, TemporaryDirectory() as temporary, disk_told(Path(temporary)):
            manifest, content, signature = _trusted_head(source, self.keys)
            _stage(source, manifest, (content, signature), Path(temporary), report)
            bundle = load_bundle(Path(temporary), self.keys)
            self.prove(bundle)
        return bundle

    def roll_back(self) -> Bundle | None:
        """Go back to the last good bundle.

        Returns:
            The bundle that is in service now; None when it is the one that came with the software.

        Raises:
            BundleNotFound: No installed bundle is in service.
            OutputError: The store cannot be written.
        """
        with self.store.locked():
            current, previous = self.store.linked(CURRENT), self.store.linked(PREVIOUS)
            if current is None:
                raise BundleNotFound(place=self.store.folder / CURRENT)
            bundle = None if previous in {None, current} else self._usable(previous)
            if bundle is None:
                self.store.drop(CURRENT)
            else:
                self.store.point(CURRENT, bundle.manifest.name)
            self.store.drop(PREVIOUS)
            return bundle

    def _switch(self, name: str) -> None:
        """Put a bundle into service, and keep the one that was there if it is whole."""
        current = self.store.linked(CURRENT)
        if current not in {None, name} and self._usable(current) is not None:
            self.store.point(PREVIOUS, str(current))
        self.store.point(CURRENT, name)
        self.store.sweep()

    def _usable(self, name: str | None) -> Bundle | None:
        try:
            return None if name is None else load_bundle(self.store.place(name), self.keys)
        except BundleError:
            return None

    def _same(self, name: str, content: bytes) -> Bundle | None:
        """The bundle of that name, if it is there, whole, and of that manifest."""
        bundle = self._usable(name)
        same = bundle is not None and bundle.manifest_hash == hashlib.sha256(content).hexdigest()
        return bundle if same else None

    def _require_new_content(self, name: str, content: bytes) -> None:
        """A name stands for one content for ever; only a damaged bundle may be laid down anew."""
        if self._usable(name) is not None and self._same(name, content) is None:
            raise BundleCorrupt(problem=f"{name} is installed already with another content")


def _trusted_head(source: Source, keys: tuple[TrustedKey, ...]) -> tuple[Manifest, bytes, bytes | None]:
    """The manifest, its bytes, and those of its signature, which was found good before the manifest was read."""
    content, signature = _head(source)
    signer_of(content, signature, keys)
    return parse_manifest(content), content, signature


def _head(source: Source) -> tuple[bytes, bytes | None]:
    """The manifest's bytes and the signature's; None where there is none."""
    with damage_told():
        with source.open(MANIFEST_NAME) as stream:
            content = stream.read(LARGEST_MANIFEST + 1)
        if len(content) > LARGEST_MANIFEST:
            raise BundleCorrupt(problem=f"{MANIFEST_NAME} is too long")
        try:
            with source.open(SIGNATURE_NAME) as stream:
                return content, stream.read(SIGNATURE_BYTES + 1)
        except BundleCorrupt:
            return content, None


def _require_newer(manifest: Manifest, in_service: Manifest | None, *, allow_older: bool) -> None:
    if manifest.version is None:
        raise BundleUnsupported(problem=f"its name, {manifest.name}, does not end in a version such as 1.2.3")
    if in_service is None or allow_older or manifest.version > (in_service.version or (0, 0, 0)):
        return
    raise BundleNotNewer(problem=f"{manifest.name} was to be installed over {in_service.name}")


def _stage(source: Source, manifest: Manifest, head: tuple[bytes, bytes | None], folder: Path, report: Report) -> None:
    """Write the files that the manifest names, and no others, through to the disk."""
    total, done = sum(file.bytes for file in manifest.files), 0
    if total > LARGEST_BUNDLE:
        raise BundleCorrupt(problem=f"it has more than {LARGEST_BUNDLE // 1_000_000_000} GB")
    for name, content in zip((MANIFEST_NAME, SIGNATURE_NAME), head, strict=True):
        with _new_file(folder / name) as target:
            target.write(content or b"")
    for file in manifest.files:
        with damage_told(), source.open(file.path) as stream, _new_file(folder / file.path) as target:
            _copy(stream, target, file)
        done += file.bytes
        report(done, total)
    for inner in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        inner.chmod(_FOLDER_MODE)
        sync_folder(inner)


def _copy(stream: IO[bytes], target: IO[bytes], file: BundleFile) -> None:
    """Copy no more than the manifest allows; what the bytes are is verified from the disk."""
    left = file.bytes
    while left and (piece := stream.read(min(left, _CHUNK))):
        target.write(piece)
        left -= len(piece)
    if left or stream.read(1):
        raise BundleCorrupt(problem=f"{file.path} is not the file that the manifest names")


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file that is on the disk when the block is left."""
    path.parent.mkdir(exist_ok=True, parents=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fchmod(descriptor, _FILE_MODE)
        os.fsync(descriptor)
