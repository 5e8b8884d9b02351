"""Who is signed in: sessions in memory, which end with the process. Nothing of them reaches the disk."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from dermscan.console.role import Role

MOST = 50
"""Sessions at once; the oldest ends where there are more."""

HANDLES = 20_000


class Handles:
    """Names for records that mean nothing outside one session: no address tells which lesion it shows."""

    def __init__(self) -> None:
        self._targets: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._names: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def name(self, kind: str, identifier: str) -> str:
        """The name of a record in this session, 22 letters, digits, hyphens and underscores."""
        with self._lock:
            target = (kind, identifier)
            if target not in self._names:
                self._names[target] = secrets.token_urlsafe(16)
                self._targets[self._names[target]] = target
                if len(self._targets) > HANDLES:
                    del self._names[self._targets.popitem(last=False)[1]]
            return self._names[target]

    def target(self, kind: str, name: str) -> str | None:
        """The record that a name stands for; None where it is no name of this session and kind."""
        with self._lock:
            found = self._targets.get(name)
        return found[1] if found and found[0] == kind else None


@dataclass(slots=True)
class Session:
    """One person at one browser.

    Attributes:
        person: The name of the sign-in.
        role: What the person may see.
        stamp: Hash of the person's passphrase hash: another passphrase ends the session.
        token: What every form must send back.
        language: Code of the language, empty for the browser's.
        begun: When it began, on the monotonic clock.
        touched: When the person last did something.
        locked: Whether the screen is locked.
        handles: The names of records.
        kept: What is kept for the session in memory, by purpose: an embedding, a scan that is waited for.
    """

    person: str
    role: Role
    stamp: str
    begun: float
    touched: float
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    locked: bool = False
    handles: Handles = field(default_factory=Handles)
    kept: dict[str, object] = field(default_factory=dict)

    def lock(self) -> None:
        """Lock the screen and forget what was decrypted for it."""
        self.locked = True
        self.kept.pop("embedding", None)
        self.kept.pop("comparison", None)


class Sessions:
    """All sessions. They are found by the hash of the cookie, so that no look-up tells anything by its time."""

    def __init__(self, idle_s: float, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle_s = idle_s
        self._longest_s = longest_s
        self._clock = clock
        self._open: OrderedDict[bytes, Session] = OrderedDict()
        self._lock = threading.Lock()
        self._start_key = secrets.token_bytes(32)

    def begin(self, person: str, role: Role, passphrase_hash: str) -> tuple[str, Session]:
        """Begin a session: the cookie, and the session."""
        cookie, now = secrets.token_urlsafe(32), self._clock()
        session = Session(person, role, stamp(passphrase_hash), now, now)
        with self._lock:
            self._open[_place(cookie)] = session
            if len(self._open) > MOST:
                self._open.popitem(last=False)
        return cookie, session

    def find(self, cookie: str, *, touch: bool = True) -> Session | None:
        """The session of a cookie, locked where it was idle for long; None where it is over or was never.

        Args:
            cookie: As the browser sent it.
            touch: Whether a person did something; a page that asks by itself does not count.
        """
        now = self._clock()
        with self._lock:
            session = self._open.get(_place(cookie))
            if session is None:
                return None
            if now - session.begun > self._longest_s:
                del self._open[_place(cookie)]
                return None
            if now - session.touched > self._idle_s:
                session.lock()
            elif touch and not session.locked:
                session.touched = now
            return session

    def unlock(self, cookie: str) -> str | None:
        """Open a locked screen again, under a new cookie; None where the session is over."""
        fresh = secrets.token_urlsafe(32)
        with self._lock:
            session = self._open.pop(_place(cookie), None)
            if session is None:
                return None
            session.locked, session.touched = False, self._clock()
            session.token = secrets.token_urlsafe(32)
            self._open[_place(fresh)] = session
        return fresh

    def end(self, cookie: str) -> None:
        """End a session."""
        with self._lock:
            self._open.pop(_place(cookie), None)

    def end_all_of(self, person: str) -> None:
        """End every session of a person."""
        with self._lock:
            for place in [place for place, session in self._open.items() if session.person == person]:
                del self._open[place]

    def threshold_token(self, visitor: str) -> str:
        """What the sign-in form must send back for a visitor's cookie; it is good until the process ends."""
        return hmac.new(self._start_key, visitor.encode(), hashlib.sha256).hexdigest()


def stamp(passphrase_hash: str) -> str:
    """What changes with the passphrase, and tells nothing about it."""
    return hashlib.sha256(passphrase_hash.encode()).hexdigest()


def _place(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
