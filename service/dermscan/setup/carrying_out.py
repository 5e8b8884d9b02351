"""Carries answers out, step by step, and says what each brought. It may be called again: what is done stays done."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from dermscan.bus.publisher import BusPublisher
from dermscan.errors import SettingsError
from dermscan.history.key_status import SEALED_STORES, KeyStrength
from dermscan.private_files import new_private_file
from dermscan.settings import Settings, load_settings
from dermscan.setup.answers import Answers, merged
from dermscan.setup.figures import CameraFigures, camera_figures
from dermscan.setup.keeping import fetch_key, has_recovery_words, make_recovery_words, provide_key
from dermscan.setup.writing import current_content, write_content

BROKER_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step brought.

    Attributes:
        step: Its name.
        told: What there is to say.
        well: Whether nothing is left to do about it.
    """

    step: str
    told: str
    well: bool = True


@dataclass(frozen=True, slots=True)
class Helpers:
    """What setup needs of whoever calls it.

    Attributes:
        say: Told of each step as it ends.
        prove: Runs the models' self-test and tells what it brought; raises where they fail.
        show_words: Shows recovery words to a person, None where there is nobody.
        store: Folder of systemd's encrypted credentials.
    """

    say: Callable[[Finding], None]
    prove: Callable[[Settings], str]
    show_words: Callable[[list[str]], None] | None = None
    store: Path = SEALED_STORES[0]


def carry_out(answers: Answers, path: Path, helpers: Helpers) -> Settings:
    """Try what was answered, write it, and give the device what it lacks.

    Args:
        answers: What was answered.
        path: The settings file.
        helpers: What is needed of the caller.

    Returns:
        The settings as they are now.

    Raises:
        DermscanError: A step fails; what was done before it stays.
    """
    settings = proposed(answers, path)
    say = helpers.say
    say(camera_finding(camera_figures(settings.camera, settings.quality), settings))
    say(_broker(settings))
    say(_written(answers, path))
    say(_key(answers, settings, helpers.store))
    say(_recovery(answers, settings, helpers))
    say(_proven(answers, settings, helpers))
    return settings


def proposed(answers: Answers, path: Path) -> Settings:
    """The settings as they will be.

    Raises:
        SettingsError: The file or the answers are not usable.
    """
    if path.exists():
        load_settings(path)
    try:
        return Settings.model_validate(merged(current_content(path), answers))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise SettingsError(problem=f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def camera_finding(figures: CameraFigures, settings: Settings) -> Finding:
    """What a camera gives, and what should be mended about its picture."""
    quality, limits = figures.quality, settings.quality
    parts = [
        f"{figures.width}x{figures.height} at {figures.rate_hz:.1f} Hz of {settings.camera.rate_hz:g}",
        f"light {quality.exposure:.2f} ({limits.min_exposure:g} to {limits.max_exposure:g})",
        f"sharpness {quality.focus:.1f} (at least {limits.min_focus:g})",
        f"glare {quality.glare:.3f} (at most {limits.max_glare:g})",
    ]
    slow = figures.rate_hz < settings.health.min_rate_share * settings.camera.rate_hz
    wrong = [*(reason.replace("_", " ") for reason in figures.complaints), *(["too slow"] if slow else [])]
    return Finding("Camera", "; ".join([*parts, *wrong]), well=not wrong)


def _broker(settings: Settings) -> Finding:
    """Try the broker with the device's identity; one that is away is found later."""
    if not settings.bus.enabled:
        return Finding("Broker", "not wanted")
    publisher = BusPublisher(settings.bus, settings.device.label, on_command=lambda _: None)
    try:
        publisher.start(BROKER_S)
        there = publisher.connected
    finally:
        publisher.stop()
    return Finding("Broker", "connected" if there else "nobody answers yet; scanning works without it", well=there)


def _written(answers: Answers, path: Path) -> Finding:
    current = current_content(path)
    content = merged(current, answers)
    if path.exists() and content == current:
        return Finding("Settings", f"{path} says all this already")
    write_content(path, content)
    return Finding("Settings", f"written to {path}")


def _key(answers: Answers, settings: Settings, store: Path) -> Finding:
    status = provide_key(answers.key.place, settings.history, store)
    if status.strength is KeyStrength.NONE:
        return Finding("Key", "none yet: the service does not start without one", well=False)
    weak = status.strength in {KeyStrength.OWNER_ONLY, KeyStrength.EXPOSED}
    return Finding("Key", f"{status.place.replace('_', ' ')}, {status.strength.replace('_', ' ')}", well=not weak)


def _recovery(answers: Answers, settings: Settings, helpers: Helpers) -> Finding:
    show_words = helpers.show_words
    status = provide_key("later", settings.history, helpers.store)
    if has_recovery_words(settings.history):
        return Finding("Recovery words", "there already")
    if status.strength is KeyStrength.NONE or (answers.key.recovery_words is None and show_words is None):
        return Finding("Recovery words", "none: `dermscan keys init --recovery` makes them", well=False)
    target = answers.key.recovery_words
    if target is not None:
        # The file comes first: words that nobody has read would be lost, and the older ones with them
        with new_private_file(target) as file:
            words = make_recovery_words(settings.history, fetch_key(status, settings.history))
            file.write(" ".join(words).encode("ascii") + b"\n")
        return Finding("Recovery words", f"written to {target}; print them and delete the file", well=False)
    words = make_recovery_words(settings.history, fetch_key(status, settings.history))
    if show_words is not None:
        show_words(words)
    return Finding("Recovery words", "shown once")


def _proven(answers: Answers, settings: Settings, helpers: Helpers) -> Finding:
    if not answers.selftest:
        return Finding("Self-test", "left out", well=False)
    return Finding("Self-test", helpers.prove(settings))
