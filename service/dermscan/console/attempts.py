"""Failed sign-ins: each costs a longer wait, and many lock the account, across restarts. It knows no passphrase."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from dermscan.console.state_file import alone, read_state, write_state

ATTEMPTS = "attempts.json"
FREE = 2
"""Failures in a row that cost no wait: a slip of the finger."""

LOCKED_AFTER = 10
"""Failures in a row after which only `dermscan console user unlock` lets the person in again."""

LONGEST_WAIT_S = 300.0
REMEMBERED = 200
"""Names of which failures are remembered; made-up names push out the oldest of them, never one that is locked."""


@dataclass(frozen=True, slots=True)
class Failures:
    """What is remembered of one name.

    Attributes:
        count: Failures in a row.
        until: Seconds since 1970 until which nothing is tried.
    """

    count: int = 0
    until: float = 0.0

    @property
    def locked(self) -> bool:
        """Whether the account is locked until somebody unlocks it."""
        return self.count >= LOCKED_AFTER


_KEPT = TypeAdapter(dict[str, Failures])


class Attempts:
    """The file of failures."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._path = folder / ATTEMPTS
        self._clock = clock

    def of(self, name: str) -> Failures:
        """What is remembered of a name."""
        return self._all().get(name, Failures())

    def wait_s(self, name: str) -> float:
        """Seconds until the name may be tried again; a clock that was set back costs no more than the longest wait."""
        return min(max(self.of(name).until - self._clock(), 0.0), LONGEST_WAIT_S)

    def failed(self, name: str) -> Failures:
        """Count a failure."""
        with alone(self._folder):
            known = self._all()
            count = known.pop(name, Failures()).count + 1
            noted = Failures(count, self._clock() + _wait_after(count))
            self._write({**_fewer(known), name: noted})
        return noted

    def forget(self, name: str) -> None:
        """Begin anew, after a success or by an administrator's hand."""
        with alone(self._folder):
            known = self._all()
            if known.pop(name, None) is not None:
                self._write(known)

    def _all(self) -> dict[str, Failures]:
        content = read_state(self._path)
        try:
            return {} if content is None else _KEPT.validate_json(content)
        except ValidationError:
            # Damaged by an accident: nobody is kept out for it, and counting begins anew
            return {}

    def _write(self, known: dict[str, Failures]) -> None:
        write_state(self._path, _KEPT.dump_json(known).decode())


def _wait_after(count: int) -> float:
    return 0.0 if count <= FREE else min(2.0 ** (count - FREE), LONGEST_WAIT_S)


def _fewer(known: dict[str, Failures]) -> dict[str, Failures]:
    open_names = [name for name, failures in known.items() if not failures.locked]
    for name in open_names[: max(len(known) - REMEMBERED + 1, 0)]:
        del known[name]
    return known
