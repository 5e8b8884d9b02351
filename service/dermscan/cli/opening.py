"""How a command opens the history, beside the running service or in its place, and the models that it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import typer
from rich.console import Console

from dermscan.analysis.accelerating import load_proven_models
from dermscan.analysis.runtime import Models
from dermscan.bundle.choosing import choose
from dermscan.bundle.loading import Bundle
from dermscan.cli.ownership import left_to_its_owner
from dermscan.history.keys import MasterKey, load_master_key
from dermscan.history.store import History
from dermscan.settings import ModelSettings, Settings


@contextmanager
def opened(context: typer.Context) -> Iterator[History]:
    """The history, for reading only, so that the service may go on filing."""
    settings: Settings = context.obj()
    key = load_master_key(settings.history)
    folder = settings.history.folder
    with left_to_its_owner(folder), History.open(folder, key, create=False, read_only=True) as history:
        yield history


@contextmanager
def opened_for_writing(context: typer.Context) -> Iterator[History]:
    """The history, in the service's place: it is refused while the service runs."""
    settings: Settings = context.obj()
    with opened_with(context, load_master_key(settings.history)) as history:
        yield history


@contextmanager
def opened_with(context: typer.Context, key: MasterKey) -> Iterator[History]:
    """The history, in the service's place, with a key that is not the one of the settings."""
    settings: Settings = context.obj()
    folder = settings.history.folder
    with left_to_its_owner(folder), History.open(folder, key, create=False) as history:
        yield history


def models_in_service(settings: ModelSettings) -> tuple[Bundle, Models]:
    """The bundle and models that the service would run; what was refused or distrusted is told on standard error."""
    choice = choose(settings, partial(load_proven_models, settings=settings))
    errors = Console(stderr=True, soft_wrap=True)
    for error in choice.refused:
        errors.print(f"{error}; a bundle before it stands in", markup=False)
    for doubt in choice.loaded.distrusted:
        errors.print(f"{doubt}; the next provider stands in", markup=False)
    return choice.bundle, choice.loaded.models
