"""Writes the settings file, whole or not at all. It knows TOML's plain values and nothing of what they mean."""

import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from dermscan.errors import OutputError, SettingsError

HEAD = "# Written by `dermscan setup`. Every key and what it means: docs/settings.md. Changes by hand stay.\n"
READABLE = 0o644


def current_content(path: Path) -> dict[str, Any]:
    """What a settings file holds, nothing where there is none.

    Raises:
        SettingsError: It cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(problem=f"{path} is not TOML: {error}") from None
    except OSError as error:
        raise SettingsError(problem=f"{path} cannot be read: {error.strerror}") from None


def write_content(path: Path, content: dict[str, Any]) -> None:
    """Put the content in the file's place, through to the disk; what was there is kept beside it, ending in `.old`.

    Raises:
        OutputError: It cannot be written; the old file stays.
    """
    text = HEAD + "".join(_table("", content))
    waiting = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting.unlink(missing_ok=True)
        descriptor = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, READABLE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), READABLE)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            path.with_name(f"{path.name}.old").write_bytes(path.read_bytes())
        waiting.replace(path)
        _sync(path.parent)
    except OSError as error:
        with suppress(OSError):
            waiting.unlink()
        raise OutputError(target=path, problem=error.strerror) from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _table(name: str, values: dict[str, Any]) -> Iterator[str]:
    """A table of TOML: its plain values first, then the tables in it."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    if name and plain:
        yield f"\n[{name}]\n"
    for key, value in plain.items():
        yield f"{key} = {_value(value)}\n"
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _table(f"{name}.{key}" if name else key, value)


def _value(value: object) -> str:
    """A TOML value: JSON's form is TOML's for texts, numbers, switches and lists of them."""
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
