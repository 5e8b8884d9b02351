"""`dermscan bench`: how fast scan, live loop and start are here, against other bundles and the machine's best."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dermscan.bench.measuring import Plan, measure, planned
from dermscan.bench.pictures import scan_frames
from dermscan.bench.timing import STAGES, TOTAL
from dermscan.cli.analyze import Json
from dermscan.cli.cold_start import cold_start_s
from dermscan.cli.opening import models_in_service
from dermscan.cli.presentation import print_json, print_table
from dermscan.settings import Settings

Result = dict[str, Any]


def bench(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    frames: Annotated[Path | None, typer.Option(help="Folder of pictures; the rendered phantom when left out.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="How often each picture is scanned.")] = 10,
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many pictures are taken at most.")] = 12,
    against: Annotated[list[Path] | None, typer.Option(help="Folder of another bundle, scanned in turn.")] = None,
    traced: Annotated[
        Path | None, typer.Option(help="A TorchScript segmenter, fed as that of the last bundle; needs PyTorch.")
    ] = None,
    starts: Annotated[int, typer.Option(min=0, max=100, help="How often the service is started.")] = 3,
    *,
    as_json: Json = False,
) -> None:
    """Time every stage of a scan, the live loop, memory and the start. The machine should do nothing else meanwhile.

    Example: dermscan bench --against models/dermscan-0.4.0 --json
    """
    settings: Settings = context.obj()
    contenders = planned(models_in_service(settings.models), settings.models, against or [], traced)
    plan = Plan(scan_frames(frames, most), frames, rounds, contenders)
    with _bar(plan.steps + starts) as report:
        result: Result = measure(plan, settings.models, report)
        result["cold_start_s"] = []
        for _ in range(starts):
            result["cold_start_s"].append(cold_start_s(settings.models, plan.frames[0]))
            report()
    if as_json:
        print_json(result)
    else:
        _print(result)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    columns = (TextColumn("Measuring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Measuring", total=total)
        yield lambda: bar.advance(task)


def _print(result: Result) -> None:
    contenders: list[Result] = result["contenders"]
    rows = [
        [stage, *(_span(contender["stages_ms"].get(stage)) for contender in contenders)] for stage in (*STAGES, TOTAL)
    ]
    rows += [["encoder alone", *(_span(contender["networks_ms"].get("encoder")) for contender in contenders)]]
    rows += [["encoder, share of the machine's peak", *(_share(contender["encoder"]) for contender in contenders)]]
    rows += [["segmenter, MB", *(f"{contender['segmenter_mb']:.1f}" for contender in contenders)]]
    names = [contender["name"] for contender in contenders]
    print_table("Milliseconds of a scan, p50 (p95)", ["", *names], rows)
    live, memory, peaks = result["live"], result["memory"], result["matmul_gops"]
    facts = [
        ["live loop, 1920 x 1080, one core", f"{live['frames_per_s']} frames/s"],
        ["peak memory of the pipeline", f"{memory['peak_mb']} MB"],
        ["start to READY", ", ".join(f"{seconds} s" for seconds in result["cold_start_s"])],
        ["machine's best at products of matrices, float32", f"{peaks['float32']} GFLOP/s"],
        ["machine's best at products of matrices, int8", f"{peaks['int8'] or '-'} GOP/s"],
    ]
    print_table("This machine", ["", ""], facts, caption=peaks["note"])


def _span(spent: dict[str, float] | None) -> str:
    return "-" if spent is None else f"{spent['p50']:.1f} ({spent['p95']:.1f})"


def _share(encoder: Result | None) -> str:
    return "-" if encoder is None else f"{100 * encoder['share_of_peak']:.0f} %"
