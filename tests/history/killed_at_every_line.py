"""Runs a step of the history in a child that kills itself at one line after the other; says what was found after each.

Usage: killed_at_every_line.py open|STEP FOLDER STRIDE, the stride being 1 for every line. Each line of
standard output is a JSON object.
"""

import json
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from dermscan.domain import Assessment, Frame, LesionMask, Provenance, Quality, RiskBand, Scan
from dermscan.errors import DermscanError
from dermscan.history import History, MasterKey
from dermscan.history.keyring import has_keyring, read_slots

KEY = MasterKey(bytes(range(32)))
NEW_KEY = MasterKey(b"\x77" * 32)
ROOM = str(Path(sys.modules["dermscan.history"].__file__ or "").parent)


def scan() -> Scan:
    pixels = np.random.default_rng(1).integers(0, 256, (32, 48, 3), np.uint8)
    frame = Frame(pixels, 0, 1.5, datetime(2026, 3, 1, tzinfo=UTC))
    mask = LesionMask(pixels[..., 0] > 100, 0.5)
    assessment = Assessment(Quality(1, 1, 0, 0, 0), None, mask, None, {}, None, None, RiskBand.INDETERMINATE, None)
    return Scan(str(uuid.uuid4()), frame, assessment, Provenance("b", "h", "v", "s"), "room-1")


def file_another(history: History) -> None:
    history.file_scan(scan())


def erase_the_first(history: History) -> None:
    history.erase_lesion(history.latest()[-1].lesion_id)


def rotate(history: History) -> None:
    history.rotate_key(NEW_KEY)


def assign(history: History) -> None:
    history.assign_scan(history.latest()[0].scan_id, history.lesions_of("heron-7")[0].lesion_id)


STEPS = {"file": file_another, "erase": erase_the_first, "rotate": rotate, "assign": assign}


def killer(at: int, *, again: bool) -> Callable[[FrameType, str, Any], Any]:
    """Make a tracer that kills the process when the room's `at`-th new line is about to run, or any line."""
    seen: set[tuple[str, int, int]] = set()

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno, len(seen) if again else 0))
            if len(seen) > at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def run_until(at: int, folder: Path, step: str) -> bool:
    """Run the step in a child until its `at`-th line; tell whether it was killed before its end."""
    child = os.fork()
    if child == 0:
        if step == "open":
            sys.settrace(killer(at, again=False))
            History.open(folder, KEY).close()
        else:
            history = History.open(folder, KEY)
            sys.settrace(killer(at, again=step == "rotate"))
            STEPS[step](history)
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(3)
    return False


def openers(folder: Path) -> list[str]:
    """Which keys open the history."""
    slots = {slot.key_id for slot in read_slots(folder)} if has_keyring(folder) else {KEY.key_id}
    return [name for name, key in (("old", KEY), ("new", NEW_KEY)) if key.key_id in slots]


def found(folder: Path) -> dict[str, object]:
    """Open the history again and tell what is there."""
    try:
        keys = openers(folder)
        with History.open(folder, KEY if "old" in keys else NEW_KEY) as history:
            history.check()
            scans = history.latest()
            pictures = [history.load(summary.scan_id).assessment.mask is not None for summary in scans]
            return {
                "keys": keys,
                "inbox": len(history.latest(unassigned=True)),
                "scans": len(scans),
                "pictures": sum(pictures),
                "blobs": len(list((folder / "blobs").iterdir())),
                "transit": len(list((folder / "transit").iterdir())),
                "audit": [finding.breach for finding in history.verify_audit()],
                "rest": sorted(path.name for path in folder.glob("*.new")),
            }
    except DermscanError as error:
        return {"error": str(error)}


def main(step: str, folder: Path, stride: int) -> None:
    """Kill at every line and report."""
    before = folder / "before"
    if step in STEPS:
        with History.open(before, KEY) as history:
            history.file_scan(scan())
            if step == "assign":
                history.create_lesion(subject_alias="heron-7")
    at, killed = 0, True
    while killed:
        here = folder / str(at)
        if step in STEPS:
            shutil.copytree(before, here)
        killed = run_until(at, here, step)
        print(json.dumps({"at": at, "killed": killed, **found(here)}), flush=True)  # noqa: T201 - its report
        shutil.rmtree(here)
        at += stride


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
