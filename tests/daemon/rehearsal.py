"""What stands around the daemon's parts in their tests."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dermscan.bus.events import Event, Health, Status
from dermscan.domain import Frame

MakeFrame = Callable[..., Frame]


@dataclass
class Recorder:
    """Stands where the bus stands, and remembers everything that was said."""

    connected: bool = True
    statuses: list[Status] = field(default_factory=list)
    healths: list[Health] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def publish_status(self, status: Status) -> None:
        self.statuses.append(status)

    def publish_health(self, health: Health) -> None:
        self.healths.append(health)

    def publish_event(self, event: Event) -> None:
        self.events.append(event)

    @property
    def states(self) -> list[str]:
        return [status.state.value for status in self.statuses]

    @property
    def event_types(self) -> list[str]:
        return [event.type for event in self.events]
