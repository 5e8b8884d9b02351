"""`dermscan bundle`: which model bundles there are, whether one can be trusted, taking one into service and back."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from dermscan.analysis.pipeline import assess
from dermscan.analysis.runtime import load_models
from dermscan.bundle.choosing import choose
from dermscan.bundle.golden import prove
from dermscan.bundle.installing import Installation, Report
from dermscan.bundle.loading import Bundle, load_bundle, shipped_folder
from dermscan.bundle.manifest import Manifest
from dermscan.bundle.signing import TrustedKey, trusted_keys
from dermscan.bundle.store import CURRENT, PREVIOUS, BundleStore
from dermscan.cli.analyze import Json
from dermscan.cli.presentation import print_json, print_table
from dermscan.domain import Assessment, Frame
from dermscan.errors import BundleError
from dermscan.settings import Settings

bundle_app = typer.Typer(no_args_is_help=True, help="Model bundles: list, verify, install, roll back.")

Place = Annotated[Path, typer.Argument(help="The bundle's folder, or one zip file of it.")]
RELOAD = "The service takes it up with: systemctl reload dermscan"


@bundle_app.command("list")
def list_(context: typer.Context, *, as_json: Json = False) -> None:
    """List the bundles on this device, and which one is in service.

    Example: dermscan bundle list
    """
    settings: Settings = context.obj()
    found = _listed(settings)
    if as_json:
        print_json(found)
        return
    rows = [[str(entry[key] or "") for key in ("name", "made", "signer", "state", "problem")] for entry in found]
    print_table("Model bundles", ["Bundle", "Made", "Signed by", "State", "Problem"], rows)


@bundle_app.command("verify")
def verify(
    context: typer.Context,
    place: Annotated[
        Path | None, typer.Argument(help="The bundle's folder, or one zip file of it; the one in service if left out.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Check signature and files of a bundle, and run its golden self-test. Nothing is installed.

    Example: dermscan bundle verify dermscan-0.4.0.zip
    """
    settings: Settings = context.obj()
    installation = _installation(settings)
    if place is None:
        bundle = choose(settings.models, installation.prove).bundle
    else:
        bundle = _with_bar("Verifying", partial(installation.verify, place))
    signer = "nobody: models.unsigned allows it" if bundle.signer is None else _signer(bundle.signer)
    if as_json:
        print_json(_result(bundle))
    else:
        typer.echo(f"{bundle.manifest.name} is whole and gives its golden results. Signed by {signer}.")


@bundle_app.command("install")
def install(
    context: typer.Context,
    place: Place,
    *,
    allow_older: Annotated[bool, typer.Option(help="Also a bundle that is not newer than the one in service.")] = False,
    as_json: Json = False,
) -> None:
    """Verify a bundle, prove it by its golden self-test, and take it into service. The last good one is kept.

    Example: dermscan bundle install dermscan-0.4.0.zip
    """
    settings: Settings = context.obj()
    manifest = _in_service(settings)
    work = partial(_installation(settings).install, place, manifest, allow_older=allow_older)
    bundle = _with_bar("Installing", work)
    if as_json:
        print_json(_result(bundle))
    else:
        typer.echo(f"{bundle.manifest.name} is installed. {RELOAD}")


@bundle_app.command("rollback")
def rollback(context: typer.Context, *, as_json: Json = False) -> None:
    """Go back to the last good bundle, or where there is none to the one that came with the software.

    Example: dermscan bundle rollback
    """
    settings: Settings = context.obj()
    installation = _installation(settings)
    bundle = installation.roll_back() or load_bundle(None, installation.keys)
    if as_json:
        print_json(_result(bundle))
    else:
        typer.echo(f"Back to {bundle.manifest.name}. {RELOAD}")


def _installation(settings: Settings) -> Installation:
    def pass_golden(bundle: Bundle) -> None:
        models = load_models(bundle, settings.models)

        def run(frame: Frame) -> Assessment:
            return assess(frame, models, settings.quality)

        prove(bundle, run)

    return Installation(BundleStore(settings.models.store), trusted_keys(settings.models.keys), pass_golden)


def _in_service(settings: Settings) -> Manifest | None:
    """What a new bundle must be newer than: the store's, else the shipped one, whatever `models.bundle` names."""
    without_named = settings.models.model_copy(update={"bundle": None})
    try:
        return choose(without_named, lambda bundle: bundle.manifest).loaded
    except BundleError:
        return None


def _listed(settings: Settings) -> list[dict[str, object]]:
    """Every bundle on the device: that of the software, then the installed ones by name."""
    store, keys = BundleStore(settings.models.store), trusted_keys(settings.models.keys)
    shipped = _entry(shipped_folder(), keys)
    installed = {name: _entry(store.place(name), keys) for name in store.names()}
    links = [installed[name] for name in (store.linked(CURRENT), store.linked(PREVIOUS)) if name in installed]
    for entry in links:
        entry["state"] = "last good" if entry["problem"] is None else "refused"
    usable = [entry for entry in (*links, shipped) if entry["problem"] is None]
    for entry in usable[:1]:
        entry["state"] = "in service"
    return [shipped, *installed.values()]


def _entry(folder: Path, keys: tuple[TrustedKey, ...]) -> dict[str, object]:
    entry: dict[str, object] = {"name": folder.name, "made": None, "signer": None, "state": "not in use"}
    try:
        bundle = load_bundle(folder, keys)
    except BundleError as error:
        return {**entry, "problem": str(error)}
    return {**entry, "made": bundle.manifest.created, "signer": _result(bundle)["signer"], "problem": None}


def _result(bundle: Bundle) -> dict[str, object]:
    signer = None if bundle.signer is None else _signer(bundle.signer)
    return {"name": bundle.manifest.name, "hash": bundle.manifest_hash, "signer": signer}


def _signer(key: TrustedKey) -> str:
    return f"{key.name} ({key.fingerprint})"


def _with_bar(title: str, work: Callable[[Report], Bundle]) -> Bundle:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        return work(lambda done, total: bar.update(task, completed=done, total=total))
