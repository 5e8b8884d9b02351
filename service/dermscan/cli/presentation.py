"""How results look on a terminal, and as JSON for a program."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from dermscan.domain import Assessment, DiagnosisCode

ADJUNCTIVE = "Assists a clinician; this is no diagnosis."


def print_json(value: object) -> None:
    """Print one JSON document."""
    typer.echo(json_text(value))


def json_text(value: object) -> str:
    """One JSON document."""
    return json.dumps(value, default=_plain, indent=2)


def _plain(value: Any) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum | Path):
        return str(value)
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)


def assessment_fields(assessment: Assessment) -> dict[str, object]:
    """An assessment without its pixels, JSON-ready."""
    return {
        "risk": _rounded(assessment.risk),
        "band": assessment.band,
        "reason": assessment.reason,
        "pre_malignant": _rounded(assessment.pre_malignant),
        "probabilities": {code: round(share, 4) for code, share in assessment.probabilities.items()},
        "roi": assessment.roi,
        "other_lesions": assessment.others,
        "features": assessment.features,
        "mask_confidence": None if assessment.mask is None else round(assessment.mask.confidence, 4),
        "quality": assessment.quality,
        "note": ADJUNCTIVE,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def risk_text(risk: float | None, band: str, reason: str | None) -> str:
    """Risk, band and reason as one short text."""
    if risk is None or reason is not None:
        return f"{band} ({(reason or 'unknown').replace('_', ' ')})"
    return f"{risk:.0f} {band}"


def likeliest(probabilities: Mapping[DiagnosisCode, float], count: int = 3) -> str:
    """The likeliest codes with their probabilities in per cent."""
    ranked = sorted(probabilities, key=lambda code: -probabilities[code])[:count]
    return "  ".join(f"{code} {100 * probabilities[code]:.0f}" for code in ranked)


def diameter_text(pixels: float, millimetres: float | None) -> str:
    """A diameter in millimetres, or in pixels where the picture has no scale."""
    return f"{pixels:.0f} px (uncalibrated)" if millimetres is None else f"{millimetres:.1f} mm"


def print_table(title: str, columns: list[str], rows: list[list[str]], *, caption: str | None = None) -> None:
    """Print a table; numbers stand right."""
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
