"""Writes docs/settings.md from the settings' own types, so that the page cannot say anything else than the program."""

import json
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dermscan.settings import Settings

PAGE = Path(__file__).parents[1] / "settings.md"
HEAD = """# Settings

One TOML file: `/etc/dermscan/settings.toml` on a device, or the one that `dermscan --settings FILE` or
`$DERMSCAN_SETTINGS` names. What is left out has its default. An unknown key or an impossible value is an error that
names its line. `systemctl reload dermscan` reads it anew. This page is made by `docs/figures/settings.py`.
"""


def page() -> str:
    """The whole page, Markdown."""
    parts = [HEAD]
    for name, field in Settings.model_fields.items():
        parts.append(section(name, _model(field)))
    return "\n".join(parts)


def section(name: str, model: type[BaseModel]) -> str:
    """One section of the file and those nested in it."""
    lines = [f"## `[{name}]`", (model.__doc__ or "").strip(), "", "| key | default | meaning |", "|---|---|---|"]
    nested = []
    for key, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            nested.append(section(f"{name}.{key}", field.annotation))
        else:
            lines.append(f"| `{key}` | {_default(field)} | {field.description}{_bounds(field)} |")
    return "\n".join([*lines, "", *nested])


def _model(field: FieldInfo) -> type[BaseModel]:
    if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
        message = "every section of the settings is a model"
        raise TypeError(message)
    return field.annotation


def _default(field: FieldInfo) -> str:
    value = field.default
    return "none" if value is None else f"`{json.dumps(value, default=str)}`"


def _bounds(field: FieldInfo) -> str:
    names = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    said = [f"{names[key]} {getattr(rule, key)}" for rule in field.metadata for key in names if hasattr(rule, key)]
    return f" ({', '.join(said)})" if said else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
