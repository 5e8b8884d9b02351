"""`dermscan run` and `dermscan selftest`: the service itself, and the proof that it could run."""

from typing import Annotated

import typer

from dermscan.analysis.pipeline import assess
from dermscan.bundle.golden import GoldenResult, golden_results
from dermscan.cli.analyze import Json
from dermscan.cli.opening import models_in_service
from dermscan.cli.presentation import print_json, print_table
from dermscan.daemon.journal import configure_logging
from dermscan.daemon.service import Service
from dermscan.errors import BundleSelfTestFailed
from dermscan.settings import Settings


def run(
    context: typer.Context, *, verbose: Annotated[bool, typer.Option(help="Log more, still nothing personal.")] = False
) -> None:
    """Run the service in the foreground, as systemd does. SIGTERM ends it, SIGHUP reads the settings anew.

    Example: dermscan --settings /etc/dermscan/settings.toml run
    """
    configure_logging(verbose=verbose)
    Service(context.obj).run()


def selftest(context: typer.Context, *, as_json: Json = False) -> None:
    """Prove that the model bundle is whole and gives the results it gave when it was made.

    Example: dermscan selftest
    """
    settings: Settings = context.obj()
    bundle, models = models_in_service(settings.models)
    results = golden_results(bundle, lambda frame: assess(frame, models, settings.quality))
    if as_json:
        print_json({"bundle": bundle.manifest.name, "hash": bundle.manifest_hash, "cases": results})
    else:
        _print(bundle.manifest.name, results)
    failed = sum(not result.passed for result in results)
    if failed:
        raise BundleSelfTestFailed(problem=f"{failed} of {len(results)} golden cases differ")


def _print(name: str, results: tuple[GoldenResult, ...]) -> None:
    rows = [
        [result.name, f"{result.dice:.4f}", f"{result.difference:.4f}", "passed" if result.passed else "FAILED"]
        for result in results
    ]
    print_table(f"Self-test of {name}", ["Golden case", "Dice", "Greatest difference", ""], rows)
