"""`dermscan analyze`: assess picture files that a person names; nothing is filed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import Models
from dermscan.cli.opening import models_in_service
from dermscan.cli.presentation import (
    ADJUNCTIVE,
    assessment_fields,
    diameter_text,
    likeliest,
    print_json,
    print_table,
    risk_text,
)
from dermscan.domain import Assessment, Frame
from dermscan.errors import InputError
from dermscan.evaluation.pictures import read_picture
from dermscan.settings import QualitySettings, Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def analyze(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Picture files.")],
    *,
    as_json: Json = False,
) -> None:
    """Assess picture files. Nothing is filed and nothing is published.

    Example: dermscan analyze lesion.jpg --json
    """
    settings: Settings = context.obj()
    _, models = models_in_service(settings.models)
    results = [(path, _assessed(path, models, settings.quality)) for path in images]
    if as_json:
        print_json([{"image": path, **_fields(result)} for path, result in results])
    else:
        _print(results)
    failed = [result for _, result in results if isinstance(result, InputError)]
    if failed:
        raise failed[0]


def _assessed(path: Path, models: Models, quality: QualitySettings) -> Assessment | InputError:
    """The assessment, or why there is none: one bad file must not cost the others."""
    try:
        frame = Frame(read_picture(path), sequence=0, monotonic_s=0.0, taken_at=datetime.now(UTC))
    except InputError as error:
        return error
    return assess(frame, models, quality)


def _fields(result: Assessment | InputError) -> dict[str, object]:
    return {"error": str(result)} if isinstance(result, InputError) else assessment_fields(result)


def _print(results: list[tuple[Path, Assessment | InputError]]) -> None:
    rows = [[path.name, *_row(result)] for path, result in results]
    columns = ["Image", "Risk", "Likeliest, %", "A", "B", "C", "Diameter", "Quality"]
    print_table("Assessment", columns, rows, caption=ADJUNCTIVE)


def _row(result: Assessment | InputError) -> list[str]:
    if isinstance(result, InputError):
        return ["not readable", *[""] * 6]
    features = result.features
    diameter = "" if features is None else diameter_text(features.diameter_px, features.diameter_mm)
    abc = [""] * 3 if features is None else [str(features.asymmetry), str(features.border), str(features.color)]
    return [
        risk_text(result.risk, result.band, result.reason),
        likeliest(result.probabilities),
        *abc,
        diameter,
        "good" if result.quality.reject is None else result.quality.reject.replace("_", " "),
    ]
