"""Reads what strace has written, call by call. What the calls do means nothing here."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

Argument = str | bytes
"""A string as bytes, a descriptor as `NUMBER:PATH`, the rest as it is."""

_LINE = re.compile(r"(\d+) +(.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+)(?:<([^>]*)>)?(?: .*)?$", re.DOTALL)
_ARGUMENT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"|(-?\w+)<([^>]*)>(?:\(deleted\))?|([^,"<>]+)')


def calls(log: Path) -> Iterator[tuple[str, list[Argument], int, str]]:
    """Each call that succeeded or that marks, with calls of several threads put together again."""
    begun: dict[str, str] = {}
    with log.open(encoding="ascii") as lines:
        for line in lines:
            thread, text = _LINE.fullmatch(line.rstrip("\n")).groups()  # type: ignore[union-attr]
            if text.endswith("<unfinished ...>"):
                begun[thread] = text.removesuffix("<unfinished ...>").rstrip()
                continue
            if text.startswith("<... "):
                text = begun.pop(thread) + text.partition(" resumed>")[2]
            if call := _CALL.fullmatch(text):
                name, arguments, result, path = call.groups()
                yield name, _arguments(arguments), int(result, 0), _path(path or "")


def _arguments(text: str) -> list[Argument]:
    """Strings as bytes, descriptors as `NUMBER:PATH`, the rest as it is."""
    found: list[Argument] = []
    for literal, descriptor, path, other in _ARGUMENT.findall(text):
        if descriptor:
            found.append(f"{descriptor}:{_path(path)}")
        elif other.strip():
            found.append(other.strip())
        elif not other:
            found.append(bytes.fromhex(literal.replace("\\x", "")))
    return found


def _path(text: str) -> str:
    return os.fsdecode(bytes.fromhex(text.replace("\\x", ""))) if "\\x" in text else text
