"""Who may sign in: names, roles and argon2id hashes in one small file. It never holds or logs a passphrase."""

import json
import os
import re
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from pydantic import BaseModel, ConfigDict, ValidationError

from dermscan.console.role import Role
from dermscan.console.state_file import read_state, write_state
from dermscan.errors import InputError

PEOPLE = "people.json"
MIN_LENGTH, MAX_LENGTH = 6, 128
NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")

_HASHER = PasswordHasher()
"""argon2id with the parameters of RFC 9106, section 4, second choice (64 MiB)."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in.

    Attributes:
        name: Small letters, digits, dots, hyphens and underscores; it stands in the audit log.
        role: What the person may see.
        passphrase_hash: argon2id, in the PHC string format.
    """

    name: str
    role: Role
    passphrase_hash: str


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int = 1
    people: list[Person] = []


class People:
    """The file of people; it is read anew at every question, so that a removal counts at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / PEOPLE
        self._nobody = _HASHER.hash(os.urandom(16))

    def all(self) -> tuple[Person, ...]:
        """List everybody, by name.

        Raises:
            InputError: The file cannot be read or is damaged.
        """
        content = read_state(self._path)
        if content is None:
            return ()
        try:
            kept = _Kept.model_validate_json(content)
        except ValidationError:
            raise InputError(source="the console's file of people", problem="it is damaged") from None
        return tuple(sorted(kept.people, key=lambda person: person.name))

    def find(self, name: str) -> Person | None:
        """Find somebody by name; None where nobody has it."""
        return next((person for person in self.all() if person.name == name), None)

    def check(self, name: str, passphrase: str) -> Person | None:
        """Tell whether a passphrase is that person's; it takes as long for a name that nobody has."""
        person = self.find(name)
        try:
            _HASHER.verify(person.passphrase_hash if person else self._nobody, passphrase)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return None
        return person

    def add(self, name: str, role: Role, passphrase: str) -> None:
        """Let somebody sign in, or give who may already another role and passphrase.

        Raises:
            InputError: The name or the passphrase will not do.
            OutputError: The file cannot be written.
        """
        refuse_name(name)
        refuse_weak(name, passphrase)
        others = [person for person in self.all() if person.name != name]
        self._write([*others, Person(name, role, _HASHER.hash(passphrase))])

    def remove(self, name: str) -> None:
        """Let somebody sign in no longer.

        Raises:
            InputError: Nobody has that name.
            OutputError: The file cannot be written.
        """
        if self.find(name) is None:
            raise InputError(source="that name", problem="nobody has it")
        self._write([person for person in self.all() if person.name != name])

    def _write(self, people: list[Person]) -> None:
        content = {"version": 1, "people": [asdict(person) for person in people]}
        write_state(self._path, json.dumps(content, indent=1))


def refuse_name(name: str) -> None:
    """Refuse a name that could be taken for something else.

    Raises:
        InputError: It is no such name.
    """
    if not NAME.fullmatch(name):
        problem = "it takes a small letter, then small letters, digits, dots, hyphens or underscores, 32 at most"
        raise InputError(source="that name", problem=problem)


def refuse_weak(name: str, passphrase: str) -> None:
    """Refuse a passphrase that a few tries find: too short, one letter over and over, a row of digits, the name.

    Raises:
        InputError: It is one of these.
    """
    if not MIN_LENGTH <= len(passphrase) <= MAX_LENGTH:
        raise InputError(source="that PIN", problem=f"it takes {MIN_LENGTH} to {MAX_LENGTH} characters")
    steps = {ord(later) - ord(former) for former, later in pairwise(passphrase)}
    if len(steps) == 1 and steps <= {-1, 0, 1}:
        raise InputError(source="that PIN", problem="it is a row that anybody would try first")
    if passphrase.casefold() == name.casefold():
        raise InputError(source="that PIN", problem="it is the name")
