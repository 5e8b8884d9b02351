"""Which fault comes next: drawn from a seed, each kind equally often, and no deadly one in the last half."""

import random
from collections.abc import Iterator, Sequence

DEADLY = ("kill", "stand_still", "key_away", "restart")
"""Faults that end the process; in the last half of a run one process lives on, so that its growth can be seen."""

GENTLE = (
    "camera_stall",
    "camera_unplugged",
    "blur",
    "darkness",
    "broker_restart",
    "broker_away",
    "disk_full",
    "clock_forward",
    "clock_back",
    "corrupt_bundle",
    "memory_short",
)


class Plan:
    """A seeded order of faults without end."""

    def __init__(self, seed: int, possible: Sequence[str] = DEADLY + GENTLE) -> None:
        self._random = random.Random(seed)  # noqa: S311 - the order must be the same again
        self._possible = tuple(possible)
        self._bag: list[str] = []

    def draw(self, *, late: bool) -> str:
        """The next fault; `late` in the last half."""
        self._bag = [fault for fault in self._bag if not (late and fault in DEADLY)]
        if not self._bag:
            self._bag = [fault for fault in self._possible if not (late and fault in DEADLY)]
            self._random.shuffle(self._bag)
        return self._bag.pop()

    def once(self) -> Iterator[str]:
        """Every fault once, the deadly ones first."""
        for kinds in (DEADLY, GENTLE):
            bag = [fault for fault in kinds if fault in self._possible]
            self._random.shuffle(bag)
            yield from bag
