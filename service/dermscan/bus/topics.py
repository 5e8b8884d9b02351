"""Where on the bus each thing is said. Built from the device's own label, never from anything a person typed."""

import re
from dataclasses import dataclass

from dermscan.bus.events import Command, CommandCancel, CommandScan, Event
from dermscan.errors import SettingsError

ROOT = "dermscan"
COMMANDS: dict[str, type[Command]] = {"scan": CommandScan, "cancel": CommandCancel}
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device.

    Attributes:
        device: The device's label: small letters, digits and hyphens, 1 to 32 characters.
    """

    device: str

    def __post_init__(self) -> None:
        """Refuse a label that could reach beyond the device's own subtree.

        Raises:
            SettingsError: The label has a wildcard, a slash or any other forbidden character.
        """
        if not _LABEL.fullmatch(self.device):
            problem = "device.label may have small letters, digits and hyphens only, 32 at most"
            raise SettingsError(problem=problem)

    @property
    def availability(self) -> str:
        """`online`, `stopped` or `offline` as plain text; retained, and the will."""
        return f"{ROOT}/{self.device}/availability"

    @property
    def status(self) -> str:
        """The last `Status`; retained."""
        return f"{ROOT}/{self.device}/status"

    @property
    def health(self) -> str:
        """The last `Health`; retained."""
        return f"{ROOT}/{self.device}/health"

    @property
    def commands(self) -> dict[str, type[Command]]:
        """What each command topic takes."""
        return {f"{ROOT}/{self.device}/command/{name}": kind for name, kind in COMMANDS.items()}

    def event(self, event: Event) -> str:
        """Topic of an event, one for each type; not retained."""
        return f"{ROOT}/{self.device}/event/{event.type}"
