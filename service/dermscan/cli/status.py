"""`dermscan status` and `dermscan diagnose`: how the device is, for a technician and for whoever helps."""

import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dermscan.bus.events import WorkState
from dermscan.cli.analyze import Json
from dermscan.cli.presentation import print_json, print_table
from dermscan.cli.status_rows import rows
from dermscan.errors import DeviceDegraded, DeviceFaulty, DeviceNotRunning, SettingsError
from dermscan.health.diagnosis import (
    UNIT_PROPERTIES,
    bundle_state,
    journal_counts,
    json_entry,
    redacted_settings,
    unit_state,
    versions,
    write_archive,
)
from dermscan.health.judging import Readings, judged
from dermscan.health.machine import free_bytes, read_machine
from dermscan.health.remedies import ADVICE, FAULTS
from dermscan.health.state import STALE_S, DeviceState, read_state
from dermscan.settings import Settings

UNIT = "dermscan.service"
PATIENCE_S = 60


def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Tell how the device is and what to do about it. The exit code is 0 when all is well, or 60, 61, 62.

    Example: dermscan status
    """
    settings: Settings = context.obj()
    try:
        state = read_state(settings.health.state_file)
    except DeviceNotRunning:
        _tell(without_service(settings), settings, as_json=as_json, running=False)
        raise
    age_s = max(0.0, time.monotonic() - state.written_s)
    _tell(state, settings, as_json=as_json, running=age_s <= STALE_S)
    if age_s > STALE_S:
        raise DeviceNotRunning(problem=f"its last state is {age_s:.0f} s old")
    _end(state)


def _end(state: DeviceState) -> None:
    """Leave the exit code that fits the state."""
    named = ", ".join(state.codes)
    if state.state is WorkState.FAULT or set(state.codes) & FAULTS:
        raise DeviceFaulty(problem=named or "it says so itself")
    if state.codes:
        raise DeviceDegraded(problem=named)


def without_service(settings: Settings) -> DeviceState:
    """What can be known of the device while the service does not run."""
    machine = read_machine(time.time())
    storage = free_bytes(settings.history.folder)
    readings = Readings(machine, time.time(), storage, None, settings.camera.rate_hz, None)
    return DeviceState(
        written_s=time.monotonic(),
        software=versions()["dermscan"],
        state=WorkState.STOPPING,
        codes=tuple(sorted(judged(readings, settings.health))),
        storage_free_bytes=storage,
        **asdict(machine),
    )


def _tell(state: DeviceState, settings: Settings, *, as_json: bool, running: bool) -> None:
    if as_json:
        advice = {code: asdict(ADVICE[code]) for code in state.codes}
        print_json({"running": running, **state.model_dump(mode="json"), "advice": advice})
        return
    title = f"Derm-Scan {state.software}: {state.state.replace('_', ' ') if running else 'not running'}"
    print_table(title, ["Reading", "Value", "Limit", ""], rows(state, settings, running=running))
    if state.codes:
        told = [[code, ADVICE[code].meaning, ADVICE[code].remedy] for code in state.codes]
        print_table("What should be mended", ["Code", "What is wrong", "What to do"], told)


def diagnose(
    context: typer.Context, out: Annotated[Path, typer.Option(help="The archive to write, a new .tar.gz file.")]
) -> None:
    """Collect what helps to find a fault, without pictures, names or anything that a person has written.

    Example: dermscan diagnose --out diagnosis.tar.gz
    """
    entries = {"versions.json": json_entry(versions())}
    try:
        settings: Settings = context.obj()
    except SettingsError:
        settings = Settings()
        entries["settings.json"] = json_entry({"problem": SettingsError.__name__})
    else:
        entries["settings.json"] = json_entry(redacted_settings(settings))
    entries["health.json"] = json_entry(_health(settings))
    entries["bundle.json"] = json_entry(bundle_state(settings.models.bundle))
    entries["journal.txt"] = journal_counts(_printed("journalctl", *_JOURNAL).splitlines())
    entries["unit.json"] = json_entry(unit_state(_printed("systemctl", "show", UNIT, *_SHOWN)))
    write_archive(out, entries)
    typer.echo(f"{out} holds {len(entries)} entries and nothing personal")


_JOURNAL = (f"--unit={UNIT}", "--output=json", "--output-fields=MESSAGE", "--since=-7days", "--no-pager", "--quiet")
_SHOWN = ("--property", ",".join(UNIT_PROPERTIES))


def _health(settings: Settings) -> dict[str, object]:
    try:
        state = read_state(settings.health.state_file)
    except DeviceNotRunning:
        return {"running": False, **without_service(settings).model_dump(mode="json")}
    return {"age_s": round(time.monotonic() - state.written_s, 1), **state.model_dump(mode="json")}


def _printed(program: str, *arguments: str) -> str:
    """What a program of the system prints; nothing where there is none or it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words only
            [program, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
