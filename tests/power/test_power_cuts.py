from pathlib import Path

import pytest

from power import bundle_operations, careless_operations, history_operations
from power.cutting import AFTER, BEFORE, prove
from power.disk import Data, Entry, Size, Sync
from power.recording import record


@pytest.mark.parametrize(
    ("name", "words"),
    [("in_place", "torn"), ("replaced_unsynced", "torn"), ("replaced_unfinished", "it was done, and is before")],
)
def test_the_harness_finds_what_a_careless_program_loses(name: str, words: str) -> None:
    proof = prove(careless_operations.OPERATIONS[name], seeds=6)
    assert proof.failures
    assert any(words in failure for failure in proof.failures)


def test_the_harness_finds_nothing_where_a_program_is_careful() -> None:
    proof = prove(careless_operations.OPERATIONS["replaced"], seeds=6)
    assert proof.failures == []
    assert set(proof.outcomes) == {BEFORE, AFTER}
    assert proof.cuts == proof.steps + 1
    assert proof.states == proof.cuts * 8


CHANGES = """
import os, sys
os.chdir(sys.argv[1])
with open("a", "wb") as file:
    file.write(b"0123456789")
    file.seek(2)
    file.write(b"xx")
descriptor = os.open("a", os.O_RDWR)
os.pwrite(descriptor, b"end", 12)
os.fsync(descriptor)
os.ftruncate(descriptor, 14)
os.close(descriptor)
with open("old", "ab") as file:
    file.write(b" and more")
os.mkdir("folder")
os.rename("a", "folder/b")
os.symlink("folder/b", "link")
os.remove("gone")
"""


def test_the_recording_is_what_was_done(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_bytes(b"old")
    (folder / "gone").write_bytes(b"")
    made = record(["python3", "-c", CHANGES, str(folder)], folder, tmp_path / "trace")
    kinds = [type(event) for event in made.events]
    assert kinds == [Entry, Data, Data, Data, Sync, Size, Data, Entry, Entry, Entry, Entry]
    # `record` itself compares the end of what it followed with what lies there
    assert (folder / "folder" / "b").read_bytes() == b"01xx456789\0\0en"
    assert (folder / "old").read_bytes() == b"old and more"


@pytest.mark.parametrize("unseen", ["os.link('old', 'other')", "os.writev(os.open('old', os.O_RDWR), [b'x', b'y'])"])
def test_a_change_that_cannot_be_followed_is_refused(tmp_path: Path, unseen: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_bytes(b"old")
    script = f"import os, sys; os.chdir(sys.argv[1]); {unseen}"
    with pytest.raises((NotImplementedError, AssertionError, KeyError)):
        record(["python3", "-c", script, str(folder)], folder, tmp_path / "trace")


OPERATIONS = history_operations.OPERATIONS | bundle_operations.OPERATIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_power_cut_leaves_everything_as_before_or_after(name: str) -> None:
    """A few cuts of the many; `deploy/prove-power-cuts` makes them all."""
    proof = prove(OPERATIONS[name], seeds=1, most_cuts=6)
    assert proof.failures == []
    assert proof.states == proof.cuts * 3
    assert proof.outcomes[AFTER] >= 3
