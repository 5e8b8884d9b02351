"""`dermscan evaluate`: judge the bundle on a table of labelled pictures, by the very pipeline that the daemon runs."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dermscan.bundle.loading import Bundle
from dermscan.cli.opening import models_in_service
from dermscan.cli.presentation import print_table
from dermscan.errors import OutputError
from dermscan.evaluation.chunks import Judge, Orders
from dermscan.evaluation.cluster import on_cluster
from dermscan.evaluation.journal import Journal
from dermscan.evaluation.processes import cores, in_processes
from dermscan.evaluation.report import Tally, write_header, write_row
from dermscan.evaluation.running import journal_of, judge_table
from dermscan.evaluation.table import LabelledTable, open_table
from dermscan.settings import Settings

OVERLAP = (
    ("Dice", "dice"),
    ("Jaccard", "jaccard"),
    ("Threshold Jaccard (0 below 0.65)", "threshold_jaccard"),
    ("Share below Jaccard 0.65", "share_below_threshold"),
)


def evaluate(  # noqa: PLR0913 - an option is a parameter
    context: typer.Context,
    table: Annotated[Path, typer.Argument(help="CSV with the columns image_id, image, mask, dx.")],
    out: Annotated[Path, typer.Option(help="Where the report goes, JSON.")],
    rows: Annotated[Path | None, typer.Option(help="Where one row an image goes, CSV.")] = None,
    masks: Annotated[Path | None, typer.Option(help="Folder for the automatic masks, PNG.")] = None,
    *,
    limit: Annotated[int | None, typer.Option(min=1, help="Judge so many images, evenly over the table.")] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Processes, each with one thread; one a core. With 1, the threads of the settings."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler whose workers judge, such as tcp://host:8786.")
    ] = None,
) -> None:
    """Judge the model bundle on labelled pictures: masks, classes, calibration, times.

    Image and mask files are relative to the table; an empty mask or dx leaves those figures out. What was judged is
    kept in a journal beside the report until that is complete: the same command goes on where it was ended.

    Example: dermscan evaluate lesions.csv --out report.json --rows rows.csv --limit 200

    Example: dermscan evaluate /archive/lesions.csv --out report.json --scheduler tcp://10.0.0.5:8786
    """
    if processes is not None and scheduler is not None:
        problem = "processes are of this machine; name them or a scheduler"
        raise typer.BadParameter(problem, param_hint="--processes")
    labelled = open_table(table, limit)
    count = processes or cores()
    bundle, orders = _orders(context.obj(), count if scheduler is None else 0, masks)
    workers = in_processes(orders, count) if scheduler is None else on_cluster(orders, scheduler)
    tally = Tally()
    place = out.with_name(f"{out.name}.journal")
    with _written_whole(out) as report_file, _rows(rows) as row_stream:
        with journal_of(place, labelled, orders, masks) as journal:
            _judge(labelled, workers, journal, masks)
            for figures in journal.figures():
                tally.add(figures)
                if row_stream is not None:
                    write_row(row_stream, figures)
        said = {"bundle": bundle.manifest.name, "bundle_hash": bundle.manifest_hash, **tally.report()}
        report_file.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    place.unlink()
    _print(said)


def _orders(settings: Settings, count: int, masks: Path | None) -> tuple[Bundle, Orders]:
    """The bundle in service, and how it is judged: with the settings' threads only where one process works alone."""
    bundle, _ = models_in_service(settings.models)
    models = settings.models if count == 1 else settings.models.model_copy(update={"threads": 1})
    folder = bundle.folder.absolute()
    return bundle, Orders(folder, bundle.manifest_hash, models, settings.quality, masks is not None)


def _judge(table: LabelledTable, workers: AbstractContextManager[Judge], journal: Journal, masks: Path | None) -> None:
    if masks is not None:
        _make_folder(masks)
    try:
        with workers as judge, _shown(table.count) as report:
            judge_table(table, judge, journal, masks, report)
    except KeyboardInterrupt:
        typer.echo("What was judged is kept; the same command goes on from there", err=True)
        raise


@contextmanager
def _shown(count: int) -> Iterator[Callable[[int], None]]:
    """A bar that is told how many pictures more are judged."""
    columns = (TextColumn("Judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("Judging", total=count)
        yield partial(progress.advance, bar)


@contextmanager
def _written_whole(target: Path) -> Iterator[Path]:
    """A file that takes the target's place when all went well; that it cannot be written is told before the work."""
    if target.exists() and not target.is_file():
        raise OutputError(target=target, problem="it is there and no regular file")
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.touch()
        yield partial
        partial.replace(target)
    except OSError as error:
        raise OutputError(target=error.filename or target, problem=error.strerror) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def _rows(target: Path | None) -> Iterator[TextIO | None]:
    if target is None:
        yield None
        return
    with _written_whole(target) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        write_header(stream)
        yield stream


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(target=folder, problem=error.strerror) from None


def _print(report: dict[str, Any]) -> None:
    title = f"{report['bundle']} on {report['images']} images"
    boxes = (report["ground_truth_box"], report["automatic_box"])
    rows = [[name, *(_figure(box and box[key]) for box in boxes)] for name, key in OVERLAP]
    print_table(title, ["Mask", "Ground-truth box", "Automatic box"], rows)
    _print_classes(report)
    times = [
        [stage, *(_figure(spent and spent[key], 1) for key in ("p50", "p95"))]
        for stage, spent in report["milliseconds"].items()
    ]
    print_table("Milliseconds", ["Stage", "p50", "p95"], times)


def _print_classes(report: dict[str, Any]) -> None:
    columns = ["Classification", "All classified", "Without indeterminate"]
    sets = (report["classification"], report["classification_decided"])
    names = {"balanced_accuracy": "Balanced accuracy", "auc_malignant": "AUC of malignancy", "ece": "ECE"}
    rows = [[name, *(_figure(one and one[key]) for one in sets)] for key, name in names.items()]
    labels = [] if sets[0] is None else sets[0]["labels"]
    rows += [[f"AUC of {label}", *(_figure(one and one["auc"][label]) for one in sets)] for label in labels]
    rows.append(["Share indeterminate", _figure(report["share_indeterminate"]), ""])
    print_table("Classes", columns, rows)
    if sets[0] is not None:
        confusion = [[label, *map(str, counts)] for label, counts in zip(labels, sets[0]["confusion"], strict=True)]
        print_table("Confusion (rows: truth)", ["", *labels], confusion)


def _figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
