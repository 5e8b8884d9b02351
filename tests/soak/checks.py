"""What must hold whatever has happened: every scan that was told is there, once, sealed, and the log is whole."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, median_low

from soak.bed import PEOPLE, Bed
from soak.gauges import Sample
from soak.keeper import Life

IN_CLEAR = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"JFIF", b"SQLite format 3\0")
SETTLING_S = 20.0


def astray(life: Life, told: int) -> int:
    """Scans of a life that has ended: in the history less those that were told.

    One more may be there than was told where the process was killed between the two; never one less.
    """
    assert life.filed_after is not None
    return life.filed_after - life.filed_before - told


def wrong_count(life: Life, told: int) -> bool:
    """Whether scans of a life that has ended were lost or doubled."""
    killed = life.code is not None and life.code < 0
    return astray(life, told) not in ({0, 1} if killed else {0})


@dataclass
class Watch:
    """Looks at everything after each fault; what it has seen of files once it does not read again.

    Attributes:
        faults: What does not hold, in words.
    """

    bed: Bed
    faults: list[str] = field(default_factory=list)
    _read: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def look(self) -> list[str]:
        """What is wrong now."""
        found = [*self._counts(), *self._log(), *self.in_clear(self._secrets())]
        if self.bed.ear.leaks:
            found.append(f"an identifier on the bus, {self.bed.ear.leaks[0]}")
        if not self.bed.console_answers():
            found.append("the console does not answer")
        self.faults += found
        return found

    def doubled(self) -> int:
        """Scans that are there more than once, by the moment of their frame."""
        moments = Counter(scan.taken_at for scan in self.bed.history.latest(10_000_000))
        return sum(count - 1 for count in moments.values())

    def in_clear(self, secrets: tuple[bytes, ...]) -> list[str]:
        """Files that hold what must not be read; those that have not changed since the last look are left out."""
        found = []
        for path in self._files():
            stat = path.stat()
            if self._read.get(path) == (stat.st_size, stat.st_mtime_ns):
                continue
            content = path.read_bytes()
            found += [f"{path.name} holds something in clear" for secret in secrets if secret in content]
            self._read[path] = stat.st_size, stat.st_mtime_ns
        return found

    def _secrets(self) -> tuple[bytes, ...]:
        return (*IN_CLEAR, *(name.encode() for name in (*PEOPLE, *self.bed.lesions)))

    def _files(self) -> list[Path]:
        places = [self.bed.appliance.history, self.bed.folder / "console"]
        files = [path for place in places for path in place.rglob("*") if path.is_file()]
        return [*files, *self.bed.folder.glob("output-*.txt"), *self.bed.folder.glob("*.json")]

    def _counts(self) -> list[str]:
        keeper, bed = self.bed.keeper, self.bed
        ended = [life for life in keeper.lives if life.filed_after is not None]
        found = [
            f"{astray(life, bed.said_in(life))} scans astray" for life in ended if wrong_count(life, bed.said_in(life))
        ]
        if bed.wait(self._told_as_filed, SETTLING_S) is None:
            found.append("the bus was told another number of scans than the history has")
        return found

    def _told_as_filed(self) -> bool:
        life = self.bed.keeper.life
        return self.bed.said_in(life) == self.bed.history.count() - life.filed_before

    def _log(self) -> list[str]:
        return [f"the audit log: {finding.breach}" for finding in self.bed.history.verify_audit()]


def growth(samples: list[Sample]) -> float:
    """By what share memory grew over the last half: its last third against its first, medians."""
    half = samples[len(samples) // 2 :]
    third = max(len(half) // 3, 1)
    before, after = (median(sample.megabytes for sample in part) for part in (half[:third], half[-third:]))
    return after / before - 1


def steady(samples: list[Sample]) -> dict[str, tuple[int, int]]:
    """Descriptors and threads in the first and in the last third of the last half, medians: a reload is a short dip."""
    half = samples[len(samples) // 2 :]
    third = max(len(half) // 3, 1)
    parts = half[:third], half[-third:]
    return {
        "descriptors": _usual([[sample.descriptors for sample in part] for part in parts]),
        "threads": _usual([[sample.threads for sample in part] for part in parts]),
    }


def _usual(parts: list[list[int]]) -> tuple[int, int]:
    first, last = (median_low(part) for part in parts)
    return first, last
