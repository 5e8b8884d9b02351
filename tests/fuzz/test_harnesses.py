"""Each harness on its seeds, on what has once broken it, and on a fixed number of seeded changes of them."""

import importlib.util
import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent
HARNESSES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in {"run", "test_harnesses"})
CHANGES = 300
TELLING = (b"\x00", b"\xff", b"\xff" * 4, b"\x7f\xff\xff\xff", b"[", b"{", b'"', b"\n", b"0", b"-1", b"9" * 20, b"\x80")


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def changed(seeds: tuple[bytes, ...], chance: random.Random) -> bytes:
    """One of the seeds with some bytes turned, cut out, put in, or taken from another seed."""
    content = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(content) + 1)
        span = slice(place, place + chance.choice((0, 1, 1, 2, 8, 64)))
        other = chance.choice(seeds)
        piece = chance.choice((b"", chance.randbytes(1), chance.choice(TELLING), other[place : place + 16]))
        content[span] = piece
    return bytes(content)


def cases(name: str, seeds: tuple[bytes, ...]) -> Iterator[bytes]:
    yield from seeds
    yield from (path.read_bytes() for path in sorted(FOLDER.glob(f"found/{name}-*")))
    chance = random.Random(name)  # noqa: S311 - the same cases every time
    yield from (changed(seeds, chance) for _ in range(CHANGES))


@pytest.mark.parametrize("name", HARNESSES)
def test_only_errors_of_ours_come_out(name: str) -> None:
    harness = loaded(name)
    for data in cases(name, harness.SEEDS):
        try:
            harness.fuzz(data)
        except BaseException as error:
            error.add_note(f"with {data[:400]!r}")
            raise
