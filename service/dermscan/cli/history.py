"""`dermscan history`: look into the encrypted history, beside the running service."""

from dataclasses import asdict
from typing import Annotated

import typer

from dermscan.calibration.ruler import Ruler, RulerVerdict, read_ruler, verdict
from dermscan.cli.analyze import Json
from dermscan.cli.assign import assign
from dermscan.cli.audit import audit
from dermscan.cli.baseline import baseline
from dermscan.cli.erase import erase
from dermscan.cli.evolution import evolution
from dermscan.cli.export import export
from dermscan.cli.opening import opened
from dermscan.cli.presentation import ADJUNCTIVE, diameter_text, likeliest, print_json, print_table, risk_text
from dermscan.cli.put_back import put_back_command
from dermscan.cli.retention import retention
from dermscan.cli.sites import sites
from dermscan.domain import CameraState
from dermscan.history.records import ScanSummary

history_app = typer.Typer(no_args_is_help=True, help="The encrypted history of this device.")


history_app.command("assign")(assign)
history_app.command("audit")(audit)
history_app.command("baseline")(baseline)
history_app.command("erase")(erase)
history_app.command("evolution")(evolution)
history_app.command("export")(export)
history_app.command("put-back")(put_back_command)
history_app.command("retention")(retention)
history_app.command("sites")(sites)


@history_app.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Greatest number of scans.")] = 20,
    *,
    inbox: Annotated[bool, typer.Option("--inbox", help="Only scans that no subject has been assigned to.")] = False,
    as_json: Json = False,
) -> None:
    """List the latest scans, newest first.

    Example: dermscan history list --limit 5
    """
    with opened(context) as history:
        scans = history.latest(limit, unassigned=inbox)
        total = history.count()
    if as_json:
        print_json(scans)
        return
    rows = [_row(scan) for scan in scans]
    columns = ["Scan", "Lesion", "Taken (UTC)", "Risk", "Likeliest, %"]
    print_table(f"{len(scans)} of {total} scans", columns, rows, caption=ADJUNCTIVE)


@history_app.command("show")
def show(
    context: typer.Context,
    scan: Annotated[str, typer.Argument(help="The scan, or at least the first eight characters of it.")],
    *,
    ruler: Annotated[
        bool, typer.Option("--ruler", help="Check the scale by a ruler in the picture, which counts as a view.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show everything about one scan but its pictures.

    Example: dermscan history show 3f2a91c4 --json
    """
    with opened(context) as history:
        found = history.find(scan)
        marks = read_ruler(history.load(found.scan_id).frame.pixels) if ruler else None
    said = verdict(found.mm_per_pixel, marks)
    if as_json:
        print_json(asdict(found) | {"ruler": {"verdict": said, "read": marks}} if ruler else found)
        return
    facts = [*_facts(found), *([["Ruler", _ruler_text(said, marks, found.mm_per_pixel)]] if ruler else [])]
    print_table(f"Scan {found.scan_id}", ["", ""], facts, caption=ADJUNCTIVE)


def _ruler_text(said: RulerVerdict, ruler: Ruler | None, mm_per_pixel: float | None) -> str:
    if ruler is None:
        return "none that can be read"
    marks = f"marks every {ruler.pixels_per_mark:.1f} pixels"
    if mm_per_pixel is None:
        return f"{marks}; there is no scale to check"
    by_scale = f"{ruler.pixels_per_mark * mm_per_pixel:.2f} mm by the scale"
    if said is RulerVerdict.AGREES:
        return f"{marks}, {by_scale}: they agree"
    return f"{marks}, {by_scale}, which no ruler has: do not trust the millimetres"


def _row(scan: ScanSummary) -> list[str]:
    taken = f"{scan.taken_at:%Y-%m-%d %H:%M:%S}"
    return [
        scan.scan_id[:8],
        scan.lesion_id[:8],
        taken,
        risk_text(scan.risk, scan.band, scan.reason),
        likeliest(scan.probabilities),
    ]


def _scale(scan: ScanSummary) -> str:
    if scan.mm_per_pixel is None:
        return "none"
    source = "the settings" if scan.calibration_id is None else f"calibration {scan.calibration_id[:12]}"
    return f"{scan.mm_per_pixel:.5f} mm per pixel, from {source}"


def _camera(state: CameraState | None) -> str:
    """Backend and device, and what the driver told besides."""
    if state is None:
        return "not recorded"
    told = {
        "exposure": None if state.exposure_s is None else f"{1000 * state.exposure_s:.1f} ms",
        "gain": None if state.analogue_gain is None else f"{state.analogue_gain:.2f}",
        "focus": None if state.focus is None else f"{state.focus:g}",
    }
    return ", ".join(
        [f"{state.backend} {state.device}".strip(), *(f"{name} {text}" for name, text in told.items() if text)]
    )


def _facts(scan: ScanSummary) -> list[list[str]]:
    facts = [
        ["Lesion", scan.lesion_id],
        ["Taken (UTC)", f"{scan.taken_at:%Y-%m-%d %H:%M:%S}"],
        ["Device", scan.device],
        ["Risk", risk_text(scan.risk, scan.band, scan.reason)],
        ["Probabilities, %", likeliest(scan.probabilities, count=8)],
        ["Frame", f"{scan.frame_size[0]} x {scan.frame_size[1]} pixels"],
        ["Scale", _scale(scan)],
        ["Camera", _camera(scan.camera)],
    ]
    if scan.features is not None:
        features = scan.features
        facts += [
            ["Asymmetry (0-2)", str(features.asymmetry)],
            ["Border (0-8)", str(features.border)],
            ["Colours (1-6)", str(features.color)],
            ["Diameter", diameter_text(features.diameter_px, features.diameter_mm)],
            ["TDS, without structures", f"{features.tds_low:.1f} to {features.tds_high:.1f}"],
        ]
    made_by = scan.provenance
    return [
        *facts,
        ["Made by", f"{made_by.bundle_id} ({made_by.bundle_hash[:12]}), software {made_by.software_version}"],
    ]
