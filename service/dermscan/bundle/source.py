"""What a bundle is installed from: a folder, or one zip file. Only names that a signed manifest holds are ever opened.

A zip file is looked at before anything in it is unpacked: one with links, with names that lead outside, with a name
twice, with encrypted or too many members is refused whole. How much is unpacked is said by the signed manifest, never
by the archive, so that nothing can swell.
"""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from dermscan.bundle.loading import MANIFEST_NAME
from dermscan.errors import BundleCorrupt, BundleNotFound, InputError

MOST_MEMBERS = 256
LARGEST_ARCHIVE = 2_000_000_000
"""Bytes of the largest zip file; MedSAM ViT-B in float32 takes 0.4 GB."""

_PLAIN_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_END_BYTES, _LONGEST_COMMENT = 22, 65_535
_UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError, KeyError)


class Source(Protocol):
    """Files by the names that a manifest gives them."""

    def open(self, name: str) -> IO[bytes]:
        """Open one file to read.

        Raises:
            BundleCorrupt: There is no such file, or it is no plain one.
        """


class FolderSource:
    """A folder. No link is followed below it."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self._folder = folder

    def open(self, name: str) -> IO[bytes]:
        """See `Source.open`."""
        path = self._folder
        for part in PurePosixPath(name).parts:
            path = path / part
            if path.is_symlink():
                raise BundleCorrupt(problem=f"{name} is a link")
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise BundleCorrupt(problem=f"{name} cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BundleCorrupt(problem=f"{name} is no file")
        return os.fdopen(descriptor, "rb")


class ZipSource:
    """A zip file whose members lie at its root, or in one folder."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Take an archive and look at all its members.

        Raises:
            BundleCorrupt: A member is none that a bundle has.
        """
        names = [member.filename for member in archive.infolist()]
        if len(set(names)) != len(names):
            raise BundleCorrupt(problem="the archive holds a name twice")
        for member in archive.infolist():
            _require_plain(member)
        self._archive = archive
        self._prefix = _prefix(names)

    def open(self, name: str) -> IO[bytes]:
        """See `Source.open`."""
        try:
            return self._archive.open(self._prefix + name)
        except (*_UNREADABLE, OSError):  # a directory that leads to before the file's beginning is "Invalid argument"
            raise BundleCorrupt(problem=f"{name} is not in the archive, or unreadable") from None


@contextmanager
def opened_source(place: Path) -> Iterator[Source]:
    """Open what a bundle is installed from.

    Args:
        place: A folder or a zip file.

    Raises:
        BundleNotFound: It is a folder without a manifest.
        BundleCorrupt: It is an archive that is damaged, or holds what no bundle holds.
        InputError: There is no such file or folder, or it is no zip file.
    """
    if place.is_dir():
        if not (place / MANIFEST_NAME).exists():
            raise BundleNotFound(place=place)
        yield FolderSource(place)
        return
    with _opened_archive(place) as archive:
        yield ZipSource(archive)


@contextmanager
def damage_told() -> Iterator[None]:
    """Turn what reading a damaged archive raises into one of ours.

    Raises:
        BundleCorrupt: The archive is damaged.
    """
    try:
        yield
    except _UNREADABLE:
        raise BundleCorrupt(problem="the archive is damaged or cut off") from None


@contextmanager
def _opened_archive(place: Path) -> Iterator[zipfile.ZipFile]:
    try:
        size = place.stat().st_size
        with place.open("rb") as stream:
            _require_small_directory(stream, size)
            with damage_told():
                archive = zipfile.ZipFile(stream)
            yield archive
    except OSError as error:
        raise InputError(source=place, problem=error.strerror or "it cannot be read") from None


def _require_small_directory(stream: IO[bytes], size: int) -> None:
    """Look at the archive's end before its directory, however long, is read into memory."""
    if size > LARGEST_ARCHIVE:
        raise BundleCorrupt(problem=f"the archive has more than {LARGEST_ARCHIVE // 1_000_000_000} GB")
    stream.seek(max(size - _END_BYTES - _LONGEST_COMMENT - _END_BYTES, 0))
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise BundleCorrupt(problem="it is no zip file, or one that is cut off")
    members = int.from_bytes(tail[at + 10 : at + 12], "little")
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if _END_64 in tail or members > MOST_MEMBERS or directory > MOST_MEMBERS * 1024:
        raise BundleCorrupt(problem=f"the archive holds more than {MOST_MEMBERS} members")
    stream.seek(0)


def _require_plain(member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.orig_filename or "\0" in member.orig_filename:
        raise BundleCorrupt(problem="the archive names a file outside of its folder")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise BundleCorrupt(problem="the archive holds a link or a device")
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _PLAIN_METHODS:
        raise BundleCorrupt(problem="the archive holds members that are encrypted or packed in an unusual way")


def _prefix(names: list[str]) -> str:
    """The folder in the archive in which the manifest lies, with its slash; empty at the root."""
    found = [name for name in names if PurePosixPath(name).name == MANIFEST_NAME and name.count("/") <= 1]
    if len(found) != 1:
        raise BundleCorrupt(problem=f"the archive does not hold one {MANIFEST_NAME}")
    return found[0].removesuffix(MANIFEST_NAME)
