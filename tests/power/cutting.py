"""Cuts the power at every step of an operation and looks at what is left. It knows no operation itself.

An operation is prepared in a folder, run once under the recorder, and then, for every cut and every fate of what was
not synced, the folder is made as it would be found, and examined.
"""

import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from power.disk import Chance, Fate, Loss, Recording, state_after, write_out
from power.recording import record

CHILD = Path(__file__).with_name("child.py")
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Operation:
    """Something that must be done entirely or not at all, whenever the power fails.

    Attributes:
        prepare: Makes the folder as it is before.
        run: Does it. Called in a process of its own; it calls `mark_begin` when its preparations are over.
        examine: Looks at a folder in which a cut has left it, first of all by whatever a start of the program does;
            says `before` or `after`, and raises when what it finds is neither or is not whole.
        lasts: Whether it is promised when `run` returns.
        module: The file that holds the operation under `name` in a dictionary `OPERATIONS`; the recorder runs it anew.
    """

    name: str
    prepare: Callable[[Path], None]
    run: Callable[[Path], None]
    examine: Callable[[Path], str]
    module: Path
    lasts: bool = True


@dataclass
class Proof:
    """What the cuts of an operation have shown.

    Attributes:
        steps: How many writes, syncs, renames and so on there were.
        cuts: Between how many of them the power was cut.
        states: How many states were examined.
        outcomes: How often the operation had not happened, and had.
        failures: Cut and fate, and what was wrong.
    """

    steps: int
    cuts: int
    states: int
    outcomes: Counter[str]
    failures: list[str]


def recorded(operation: Operation, place: Path) -> Recording:
    """Prepare an operation and run it under the recorder."""
    folder = place / "folder"
    folder.mkdir(mode=0o700)
    operation.prepare(folder)
    command = [sys.executable, str(CHILD), str(operation.module), operation.name, str(folder)]
    return record(command, folder, place / "trace")


def prove(operation: Operation, *, seeds: int, most_cuts: int | None = None, seed: int = 0) -> Proof:
    """Cut the power and examine.

    Args:
        operation: The operation.
        seeds: How many fates by chance are tried at each cut, beside losing all and losing nothing.
        most_cuts: How many cuts are made, chosen by chance; None makes all.
        seed: Of that choice, and of the fates.
    """
    with tempfile.TemporaryDirectory(dir=_quick_disk()) as name:
        place = Path(name)
        recording = recorded(operation, place)
        last = len(recording.events)
        cuts = list(range(recording.begin, last + 1))
        if most_cuts is not None and len(cuts) > most_cuts:
            chosen = random.Random(seed).sample(cuts[:-1], most_cuts - 1)  # noqa: S311 - the same again
            cuts = sorted([*chosen, last])
        proof = Proof(last - recording.begin, len(cuts), 0, Counter(), [])
        for cut in cuts:
            for label, fate in _fates(cut, seeds, seed):
                _examine(operation, recording, cut, label, fate, place, proof)
    return proof


def _examine(
    operation: Operation, recording: Recording, cut: int, label: str, fate: Fate, place: Path, proof: Proof
) -> None:
    found = place / "found"
    write_out(state_after(recording, cut, fate), found)
    proof.states += 1
    try:
        outcome = operation.examine(found)
        proof.outcomes[outcome] += 1
        if operation.lasts and cut == len(recording.events) and outcome != AFTER:
            proof.failures.append(f"cut {cut}, {label}: it was done, and is {outcome}")
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what is looked for
        proof.failures.append(f"cut {cut}, {label}: {type(error).__name__}: {error}")
    finally:
        shutil.rmtree(found)


def _fates(cut: int, seeds: int, seed: int) -> Iterator[tuple[str, Fate]]:
    yield "nothing lost", Fate()
    yield "all lost", Loss()
    for number in range(seeds):
        by = (seed * 1_000_003 + cut) * 1009 + number
        yield f"by chance {by}", Chance(by)


def _quick_disk() -> Path | None:
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    return memory if memory.is_dir() else None
