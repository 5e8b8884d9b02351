"""A disk that may lose power: which states it can be found in, given what was written and what was synced.

What the model grants a program is little: a file's data is safe once that file was synced, a folder's entries once that
folder was. Until then each sector of 512 bytes may be there or not, whatever was written after it; an enlarged file may
hold zeros; the entries of one folder are kept in their order, of two folders in any. A rename is one step.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
ROOT = 0
"""The inode of the folder that is watched."""


@dataclass
class Inode:
    """A file (`content`), a folder (`entries`: name to inode) or a link (`target`)."""

    content: bytearray | None = None
    entries: dict[str, int] | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes written to a file."""

    inode: int
    at: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Size:
    """A file cut off or enlarged."""

    inode: int
    length: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A step in folders: each of them with a name, and the inode that has the name afterwards, None for none."""

    steps: tuple[tuple[int, str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Sync:
    """A file or a folder written through."""

    inode: int


Event = Data | Size | Entry | Sync


@dataclass
class Recording:
    """What was on the disk and what happened to it.

    Attributes:
        before: The inodes at the beginning; `ROOT` is the folder.
        born: The inodes that were made later, empty.
        events: What happened, in order.
        begin: Index of the first event of the operation; those before it belong to its preparation.
    """

    before: dict[int, Inode]
    born: dict[int, Inode] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    begin: int = 0


class Fate:
    """Decides what becomes of what was not synced. This one loses nothing."""

    def keeps(self) -> bool:
        """Whether the next thing survives."""
        return True


class Loss(Fate):
    """Everything that was not synced is lost."""

    def keeps(self) -> bool:
        """It does not."""
        return False


class Chance(Fate):
    """Each thing survives by chance."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a fate must be the same again
        self._share = self._random.choice((0.2, 0.5, 0.8, 0.95))

    def keeps(self) -> bool:
        """By chance."""
        return self._random.random() < self._share


def state_after(recording: Recording, cut: int, fate: Fate) -> dict[int, Inode]:
    """What is found on the disk when the power fails before event `cut`."""
    events = recording.events[:cut]
    inodes = {
        number: Inode(
            None if inode.content is None else bytearray(inode.content),
            None if inode.entries is None else dict(inode.entries),
            inode.target,
        )
        for number, inode in {**recording.before, **recording.born}.items()
    }
    for entry in _surviving_entries(events, fate):
        for folder, name, inode in entry.steps:
            entries = inodes[folder].entries
            assert entries is not None
            if inode is None:
                entries.pop(name, None)
            else:
                entries[name] = inode
    for number, changes in _by_file(events).items():
        content = inodes[number].content
        assert content is not None
        _change(content, changes, fate)
    return inodes


def write_out(inodes: dict[int, Inode], place: Path, number: int = ROOT) -> None:
    """Make the state a real folder, readable by its owner only."""
    inode = inodes[number]
    if inode.entries is not None:
        place.mkdir(mode=0o700)
        for name, child in inode.entries.items():
            write_out(inodes, place / name, child)
    elif inode.target is not None:
        place.symlink_to(inode.target)
    else:
        place.touch(0o600)
        place.write_bytes(inode.content or b"")


def _surviving_entries(events: Sequence[Event], fate: Fate) -> Iterator[Entry]:
    sure = _sure_entries(events)
    stopped: set[int] = set()
    for index, event in enumerate(events):
        if not isinstance(event, Entry):
            continue
        folders = {folder for folder, _, _ in event.steps}
        if index in sure or (not folders & stopped and fate.keeps()):
            yield event
        else:
            stopped |= folders


def _sure_entries(events: Sequence[Event]) -> set[int]:
    """Indices of the steps that a sync of one of their folders has made safe, and with them all before in those."""
    until: dict[int, int] = defaultdict(int)
    for index, event in enumerate(events):
        if isinstance(event, Sync):
            until[event.inode] = index
    sure = set()
    for index, event in reversed(list(enumerate(events))):
        if isinstance(event, Entry) and any(until[folder] > index for folder, _, _ in event.steps):
            sure.add(index)
            for folder, _, _ in event.steps:
                until[folder] = max(until[folder], index + 1)
    return sure


def _by_file(events: Sequence[Event]) -> dict[int, list[tuple[Data | Size, bool]]]:
    """Each file's changes in order, and whether each is safe."""
    last_sync: dict[int, int] = {event.inode: index for index, event in enumerate(events) if isinstance(event, Sync)}
    changes: dict[int, list[tuple[Data | Size, bool]]] = defaultdict(list)
    for index, event in enumerate(events):
        if isinstance(event, Data | Size):
            changes[event.inode].append((event, index < last_sync.get(event.inode, -1)))
    return changes


def _change(content: bytearray, changes: Sequence[tuple[Data | Size, bool]], fate: Fate) -> None:
    for change, safe in changes:
        if isinstance(change, Size):
            if safe or fate.keeps():
                del content[change.length :]
                content.extend(bytes(change.length - len(content)))
            continue
        for at, piece in [(change.at, change.content)] if safe else _sectors(change):
            if safe or fate.keeps():
                content.extend(bytes(max(at + len(piece) - len(content), 0)))
                content[at : at + len(piece)] = piece


def _sectors(change: Data) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start < len(change.content):
        length = SECTOR - (change.at + start) % SECTOR
        yield change.at + start, change.content[start : start + length]
        start += length
