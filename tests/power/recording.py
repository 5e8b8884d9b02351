"""Records every change that a command makes in a folder, in order, by strace. The command knows nothing of it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from power.disk import ROOT, Data, Entry, Fate, Inode, Recording, Size, Sync, state_after
from power.trace import Argument, calls

TRACED = (
    "?open,?openat,?creat,?write,?pwrite64,?writev,?pwritev,?pwritev2,?lseek,?fsync,?fdatasync,?rename,?renameat,"
    "?renameat2,?unlink,?unlinkat,?mkdir,?mkdirat,?rmdir,?ftruncate,?truncate,?fallocate,?link,?linkat,?symlink,"
    "?symlinkat,?copy_file_range,?sendfile,?mmap,?dup,?dup2,?dup3,?chdir,?fchdir"
)
"""Every call that changes what is on a disk; not every processor has all of them."""

BEGIN = "the-operation-begins"
"""The command makes known that its operation begins by trying to remove a folder of this name, which is not there."""


def mark_begin(folder: Path) -> None:
    """Say, inside the command, that what is to be cut begins now."""
    try:
        (folder / BEGIN).rmdir()
    except FileNotFoundError:
        return


def record(command: Sequence[str], folder: Path, log: Path) -> Recording:
    """Run a command and record what it does in a folder.

    Args:
        command: The command; it must succeed.
        folder: The folder, as it is before.
        log: Where strace writes.
    """
    before = dict(_inodes(folder))
    tracer = ["strace", "-f", "-y", "-xx", "-s", "100000000", "-e", "trace=" + TRACED, "-o", str(log), *command]
    if shutil.which("strace") is None:
        message = "strace is not installed: apt-get install strace"
        raise FileNotFoundError(message)
    done = subprocess.run(tracer, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr)
    reader = _Reader(folder, Recording(before))
    for name, arguments, result, path in calls(log):
        reader.take(name, arguments, result, path)
    _demand_same(state_after(reader.recording, len(reader.recording.events), Fate()), folder)
    return reader.recording


def _demand_same(followed: dict[int, Inode], folder: Path) -> None:
    """See that nothing was missed: what was followed is what the command has left."""
    found = dict(_inodes(folder))
    names = dict(_names(followed))
    for place, number in _names(found):
        followed_inode = followed[names.pop(place)]
        if not place.endswith("-shm") and followed_inode.content != found[number].content:
            message = f"{place} is not what was recorded"
            raise AssertionError(message)
    assert not names, f"recorded, and not there: {sorted(names)}"


def _names(inodes: dict[int, Inode], number: int = ROOT, above: str = "") -> Iterator[tuple[str, int]]:
    yield above, number
    for name, child in (inodes[number].entries or {}).items():
        yield from _names(inodes, child, f"{above}/{name}")


def _inodes(folder: Path) -> Iterator[tuple[int, Inode]]:
    numbers: dict[Path, int] = {folder: ROOT}
    for place in sorted(folder.rglob("*")):
        numbers[place] = len(numbers)
    for place, number in numbers.items():
        if place.is_symlink():
            yield number, Inode(target=str(place.readlink()))
        elif place.is_dir():
            yield number, Inode(entries={child.name: numbers[child] for child in place.iterdir()})
        else:
            yield number, Inode(content=bytearray(place.read_bytes()))


class _Reader:
    """Follows the calls and keeps the tree of names and inodes as it is at each of them."""

    def __init__(self, folder: Path, recording: Recording) -> None:
        self.recording = recording
        self._folder = folder
        self._tree = {number: dict(inode.entries or {}) for number, inode in recording.before.items()}
        self._sizes = {number: len(inode.content or b"") for number, inode in recording.before.items()}
        self._open: dict[str, tuple[int, int, bool]] = {}
        """Descriptor: inode, place of the next write, whether writes go to the end."""
        self._stands = Path.cwd()

    def take(self, name: str, arguments: list[Argument], result: int, path: str) -> None:
        """Take one call in."""
        if name == "rmdir" and result < 0 and next(self._paths(arguments)) == self._folder / BEGIN:
            self.recording.begin = len(self.recording.events)
        if result < 0:
            return
        if name in {"open", "openat", "creat"}:
            self._opened(name, arguments, str(result), path)
        elif name in {"rename", "renameat", "renameat2"}:
            self._renamed(*self._paths(arguments))
        elif name in {"unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "symlink", "symlinkat"}:
            self._named(name, arguments)
        elif name == "chdir":
            self._stands = next(self._paths(arguments))
        elif name == "fchdir":
            self._stands = Path(str(arguments[0]).partition(":")[2])
        elif self._inside(arguments):
            self._used(name, arguments, result)

    def _opened(self, name: str, arguments: list[Argument], descriptor: str, path: str) -> None:
        place = Path(path)
        self._open.pop(descriptor, None)
        if not place.is_relative_to(self._folder):
            return
        flags = "O_CREAT|O_TRUNC|O_WRONLY" if name == "creat" else str(arguments[2 if name == "openat" else 1])
        inode = self._find(place)
        if inode is None:
            inode = self._born(place, Inode(content=bytearray()))
        elif "O_TRUNC" in flags and self._sizes.get(inode):
            self._resize(inode, 0)
        self._open[descriptor] = (inode, 0, "O_APPEND" in flags)

    def _used(self, name: str, arguments: list[Argument], result: int) -> None:
        descriptor, _, path = str(arguments[0]).partition(":")
        if name == "mmap":
            self._refuse_shared_writing(arguments)
            return
        if name == "lseek" and self._is_folder(Path(path)):
            return  # a listing that begins anew, perhaps on another descriptor of the same folder
        inode, at, appends = self._open[descriptor]
        if name == "lseek":
            self._open[descriptor] = (inode, result, appends)
        elif name in {"fsync", "fdatasync"}:
            self.recording.events.append(Sync(inode))
        elif name == "write":
            at = self._sizes[inode] if appends else at
            self._write(inode, at, arguments[1], result)
            self._open[descriptor] = (inode, at + result, appends)
        elif name == "pwrite64":
            self._write(inode, int(str(arguments[3])), arguments[1], result)
        elif name == "ftruncate":
            self._resize(inode, int(str(arguments[1])))
        elif name == "fallocate":
            self._resize(inode, max(self._sizes[inode], int(str(arguments[2])) + int(str(arguments[3]))))
        else:
            message = f"{name} changes a file in a way that is not followed"
            raise NotImplementedError(message)

    def _refuse_shared_writing(self, arguments: list[Argument]) -> None:
        # SQLite's index of the log is shared memory that it makes anew after a crash; nothing else may be changed so
        mapped = str(arguments[4])
        if "MAP_SHARED" in str(arguments[3]) and "PROT_WRITE" in str(arguments[2]) and not mapped.endswith("-shm"):
            message = f"{mapped} is changed through memory"
            raise NotImplementedError(message)

    def _named(self, name: str, arguments: list[Argument]) -> None:
        paths = list(self._paths(arguments))
        place = paths[-1]
        if not place.is_relative_to(self._folder):
            return
        if name.startswith("mkdir"):
            self._born(place, Inode(entries={}))
        elif name.startswith("symlink"):
            target = next(argument for argument in arguments if isinstance(argument, bytes))
            self._born(place, Inode(target=os.fsdecode(target)))
        else:
            self._step((place, None))

    def _renamed(self, source: Path, target: Path) -> None:
        if not target.is_relative_to(self._folder):
            return
        inode = self._find(source)
        assert inode is not None, "what is moved in from outside is not followed"
        self._step((source, None), (target, inode))

    def _born(self, place: Path, inode: Inode) -> int:
        number = len(self.recording.before) + len(self.recording.born)
        self.recording.born[number] = inode
        self._tree[number] = {}
        self._sizes[number] = 0
        self._step((place, number))
        return number

    def _step(self, *steps: tuple[Path, int | None]) -> None:
        found = []
        for place, inode in steps:
            folder = self._find(place.parent)
            assert folder is not None
            found.append((folder, place.name, inode))
            if inode is None:
                self._tree[folder].pop(place.name)
            else:
                self._tree[folder][place.name] = inode
        self.recording.events.append(Entry(tuple(found)))

    def _write(self, inode: int, at: int, content: Argument, written: int) -> None:
        assert isinstance(content, bytes)
        self.recording.events.append(Data(inode, at, content[:written]))
        self._sizes[inode] = max(self._sizes[inode], at + written)

    def _resize(self, inode: int, length: int) -> None:
        self.recording.events.append(Size(inode, length))
        self._sizes[inode] = length

    def _is_folder(self, place: Path) -> bool:
        number = self._find(place)
        inode = None if number is None else (self.recording.before | self.recording.born).get(number)
        return inode is not None and inode.entries is not None

    def _find(self, place: Path) -> int | None:
        number: int | None = ROOT
        for part in place.relative_to(self._folder).parts:
            number = None if number is None else self._tree[number].get(part)
        return number

    def _inside(self, arguments: list[Argument]) -> bool:
        return any(
            isinstance(argument, str) and Path(argument.partition(":")[2]).is_relative_to(self._folder)
            for argument in arguments
        )

    def _paths(self, arguments: list[Argument]) -> Iterator[Path]:
        """The paths of a call, each relative to the descriptor before it."""
        start = self._stands
        for argument in arguments:
            if isinstance(argument, bytes):
                yield start / os.fsdecode(argument)
            else:
                start = Path(argument.partition(":")[2] or self._stands)
