"""Who acts, for the audit log: a unit of systemd or a local user. It never asks for a password or a certificate."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

PROCESS = Path("/proc/self")
LONGEST = 64
_NOBODY = 2**32 - 1
"""The kernel's word for "logged in by nobody"."""

_acting: ContextVar[str | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(person: str) -> Iterator[None]:
    """Let the audit log name a person whom the console has signed in, `console NAME`, for what is done inside."""
    token = _acting.set(f"console {person}"[:LONGEST])
    try:
        yield
    finally:
        _acting.reset(token)


def acting_person() -> str | None:
    """The person of `acting_as` in this thread or task; None where the process acts for itself."""
    return _acting.get()


def current_actor(process: Path = PROCESS) -> str:
    """Name the actor: `unit NAME` for a service, else `user NAME`.

    A user is who logged in, as the kernel keeps it (`loginuid`, audit(7)): it survives sudo and su. A process that
    nobody's login has started belongs to its unit, which its control group names; without both, the process's own
    user counts.

    Args:
        process: The process's folder in /proc.
    """
    login = _login(process)
    unit = _unit(process)
    if login is None and unit is not None:
        return f"unit {unit}"[:LONGEST]
    return f"user {_name(os.geteuid() if login is None else login)}"[:LONGEST]


def _login(process: Path) -> int | None:
    try:
        login = int((process / "loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if login == _NOBODY else login


def _unit(process: Path) -> str | None:
    try:
        groups = (process / "cgroup").read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    last = groups[-1].rsplit("/", 1)[-1] if groups else ""
    return last if last.endswith(".service") and not last.startswith("user@") else None


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
