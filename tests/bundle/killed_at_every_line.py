"""Installs or rolls back in a child that kills itself at one line after the other; says what is in service after each.

Usage: killed_at_every_line.py install|rollback STORE SOURCE KEYS. STORE holds a bundle in service; each line of
standard output is a JSON object.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from dermscan.bundle.choosing import choose
from dermscan.bundle.installing import Installation
from dermscan.bundle.loading import Bundle
from dermscan.bundle.signing import trusted_keys
from dermscan.bundle.store import BundleStore
from dermscan.settings import ModelSettings

WRITERS = {sys.modules[f"dermscan.bundle.{name}"].__file__ for name in ("installing", "store")}
"""The modules that write; between two of their lines nothing on the disk changes."""


AGAIN_EVERY = 8


def pass_all(_bundle: Bundle) -> None:
    """The self-test is proved elsewhere."""


def step(name: str, store: Path, source: Path, keys: Path) -> None:
    installation = Installation(BundleStore(store), trusted_keys(keys), pass_all)
    if name == "rollback":
        installation.roll_back()
        return
    manifest = in_service(store, keys)
    installation.install(source, manifest.manifest, lambda _done, _total: None)


def in_service(store: Path, keys: Path) -> Bundle:
    return choose(ModelSettings(store=store, keys=keys), lambda bundle: bundle).bundle


def killer(at: int) -> Callable[[FrameType, str, Any], Any]:
    """Make a tracer that kills the process when the `at`-th new line of those that write is about to run."""
    seen: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename not in WRITERS:
            return None
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
            if len(seen) > at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def run_until(at: int, *arguments: Any) -> bool:
    """Run the step in a child until its `at`-th line; tell whether it was killed before its end."""
    child = os.fork()
    if child == 0:
        sys.settrace(killer(at))
        step(*arguments)
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(3)
    return False


def main(name: str, store: Path, source: Path, keys: Path) -> None:
    """Kill at every line, and report what is in service, and now and then what is once the step was done again."""
    at, killed = 0, True
    while killed:
        here = store.with_name(f"{store.name}-{at}")
        shutil.copytree(store, here, symlinks=True)
        killed = run_until(at, name, here, source, keys)
        choice = choose(ModelSettings(store=here, keys=keys), lambda bundle: bundle)
        if name == "install" and at % AGAIN_EVERY == 0:
            step(name, here, source, keys)
            again = {"again": in_service(here, keys).manifest.name, "rest": [path.name for path in here.glob(".*")]}
        else:
            again = {}
        told = {
            "at": at,
            "killed": killed,
            "found": choice.bundle.manifest.name,
            "refused": len(choice.refused),
            **again,
        }
        print(json.dumps(told), flush=True)  # noqa: T201 - its report
        shutil.rmtree(here)
        at += 1


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument) for argument in sys.argv[2:]))
