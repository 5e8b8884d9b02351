"""Which bundle a device runs: the installed one, else the last good one, else the one that came with the software.

A bundle that is named in the settings is run or refused; nothing stands in for what a person has named.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from dermscan.bundle.loading import Bundle, load_bundle, shipped_folder
from dermscan.bundle.signing import trusted_keys
from dermscan.bundle.store import CURRENT, PREVIOUS, BundleStore
from dermscan.errors import BundleError
from dermscan.settings import ModelSettings

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class Choice(Generic[Loaded]):
    """The bundle that is run, and those that should have been.

    Attributes:
        bundle: The bundle.
        loaded: What was made of it.
        refused: Why each bundle before it was refused, the one in service first; empty when all is as it should be.
    """

    bundle: Bundle
    loaded: Loaded
    refused: tuple[BundleError, ...]


def choose(settings: ModelSettings, load: Callable[[Bundle], Loaded]) -> Choice[Loaded]:
    """Find the first bundle that is signed, whole and can be loaded.

    Args:
        settings: Which bundle, which store, which keys.
        load: Makes the bundle ready to run; a `BundleError` refuses it.

    Raises:
        BundleError: There is no such bundle; the error is that of the last one that was tried.
        SettingsError: A key's file is none.
    """
    keys = trusted_keys(settings.keys)
    if settings.bundle is not None:
        named = load_bundle(settings.bundle, None if settings.unsigned else keys)
        return Choice(named, load(named), ())
    folders, refused = _installed(settings.store)
    for folder in folders:
        try:
            bundle = load_bundle(folder, keys)
            return Choice(bundle, load(bundle), tuple(refused))
        except BundleError as error:
            refused.append(error)
    shipped = load_bundle(shipped_folder(), keys)
    return Choice(shipped, load(shipped), tuple(refused))


def _installed(folder: Path) -> tuple[list[Path], list[BundleError]]:
    """Folders of the bundle in service and of the last good one, as far as links name them, or why there are none."""
    store = BundleStore(folder)
    try:
        names = [store.linked(CURRENT), store.linked(PREVIOUS)]
    except BundleError as error:
        return [], [error]
    return [store.place(name) for name in dict.fromkeys(names) if name is not None], []
