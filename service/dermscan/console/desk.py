"""What the pages work with: history, people, sessions, scanner, words. It answers no request itself."""

from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dermscan.console.attempts import Attempts
from dermscan.console.door import HistoryDoor
from dermscan.console.line import ScannerLine
from dermscan.console.outlining import Outliner
from dermscan.console.people import People
from dermscan.console.sessions import Session, Sessions, stamp
from dermscan.settings import Settings

TEMPLATES = Path(__file__).parent / "templates"
HOUR_S = 3600.0


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(slots=True)
class Desk:
    """Everything the pages work with, for the time of one start."""

    settings: Settings
    door: HistoryDoor
    people: People
    attempts: Attempts
    sessions: Sessions
    line: ScannerLine
    outliner: Outliner
    templates: Environment = field(default_factory=_templates)

    @classmethod
    def of(cls, settings: Settings) -> "Desk":
        """Set a desk up.

        Raises:
            SettingsError: The broker's password or certificates cannot be read.
        """
        console = settings.console
        return cls(
            settings=settings,
            door=HistoryDoor(settings.history),
            people=People(console.folder),
            attempts=Attempts(console.folder),
            sessions=Sessions(console.idle_s, console.session_hours * HOUR_S),
            line=ScannerLine(console.bus, settings.device.label),
            outliner=Outliner(settings.models),
        )

    @property
    def secure(self) -> bool:
        """Whether the console speaks TLS."""
        return self.settings.console.certificate_file is not None

    def session(self, cookie: str, *, touch: bool = True) -> Session | None:
        """The session of a cookie, if its person may still sign in as then.

        Raises:
            InputError: The file of people cannot be read.
        """
        session = self.sessions.find(cookie, touch=touch) if cookie else None
        if session is None:
            return None
        person = self.people.find(session.person)
        known = person is not None and person.role is session.role and stamp(person.passphrase_hash) == session.stamp
        if not known or self.attempts.of(session.person).locked:
            self.sessions.end_all_of(session.person)
            return None
        return session
