"""Publishers to test, and the patience to wait for what they say."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from appliance import wait_until
from dermscan.bus.events import Command
from dermscan.bus.publisher import BusPublisher
from dermscan.settings import BusSettings

MakePublisher: TypeAlias = Callable[..., BusPublisher]
Patience: TypeAlias = Callable[..., None]


@pytest.fixture
def patience() -> Patience:
    """Waits for a condition: `patience(lambda: ...)`."""
    return wait_until


@pytest.fixture
def publisher() -> Iterator[MakePublisher]:
    """Makes publishers that are stopped at the end."""
    made: list[BusPublisher] = []

    def make(
        settings: BusSettings, label: str = "room-1", on_command: Callable[[Command], None] = lambda _: None
    ) -> BusPublisher:
        made.append(BusPublisher(settings, label, on_command=on_command))
        return made[-1]

    yield make
    for each in made:
        each.stop()
