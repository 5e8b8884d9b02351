"""`dermscan setup`: walks a technician through a device's first start, or does it from a file of answers."""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from dermscan.analysis.pipeline import assess
from dermscan.bundle.golden import golden_results
from dermscan.camera_settings import CameraSettings
from dermscan.capture.opening import list_cameras
from dermscan.cli.calibration import calibrate
from dermscan.cli.opening import models_in_service
from dermscan.cli.presentation import print_table
from dermscan.errors import BundleSelfTestFailed, CameraError, InputError
from dermscan.history.key_status import KeyStrength, key_status
from dermscan.settings import DEFAULT_PATH, DeviceSettings, Settings, load_settings, read_toml
from dermscan.setup.answers import Answers
from dermscan.setup.carrying_out import Finding, Helpers, camera_finding, carry_out
from dermscan.setup.figures import camera_figures

WORDS_IN_A_ROW = 4


def setup(
    context: typer.Context,
    answers: Annotated[Path | None, typer.Option(help="A TOML file with the answers, to ask nobody.")] = None,
) -> None:
    """Make a device ready: label, camera, broker, key, recovery words, self-test. It can be called again.

    Example: dermscan setup --answers answers.toml
    """
    logging.getLogger("dermscan.bus").setLevel(logging.CRITICAL)  # what it finds is said as a step
    path: Path = context.obj.args[0] or DEFAULT_PATH
    current = load_settings(path) if path.exists() else Settings()
    told = Conversation(current).answers() if answers is None else read_toml(answers, Answers)
    show = _show_words if answers is None and _wants_words() else None
    findings: list[Finding] = []
    carry_out(told, path, Helpers(partial(_say, findings), _prove, show))
    if told.calibrate:
        context.obj = partial(load_settings, path)
        calibrate(context)
    left = [finding.step.lower() for finding in findings if not finding.well]
    typer.echo("The device is ready." if not left else f"The device is set up; look again at: {', '.join(left)}.")


def _say(findings: list[Finding], finding: Finding) -> None:
    findings.append(finding)
    typer.echo(f"{'well' if finding.well else 'LOOK':5}{finding.step}: {finding.told}")


def _prove(settings: Settings) -> str:
    bundle, models = models_in_service(settings.models)
    results = golden_results(bundle, lambda frame: assess(frame, models, settings.quality))
    failed = sum(not result.passed for result in results)
    if failed:
        raise BundleSelfTestFailed(problem=f"{failed} of {len(results)} golden cases differ")
    return f"{len(results)} golden cases of {bundle.manifest.name} reproduced"


def _wants_words() -> bool:
    return typer.confirm("Where there are no recovery words yet, they are shown once. Is nobody else looking?")


def _show_words(words: list[str]) -> None:
    numbered = [f"{number:2} {word}" for number, word in enumerate(words, start=1)]
    rows = [numbered[at : at + WORDS_IN_A_ROW] for at in range(0, len(numbered), WORDS_IN_A_ROW)]
    print_table("Recovery words", [""] * WORDS_IN_A_ROW, rows, caption="Whoever has them can read the history.")


@dataclass
class Conversation:
    """Asks a person at a terminal; an empty answer keeps what is."""

    current: Settings

    def answers(self) -> Answers:
        """Ask everything."""
        told: dict[str, Any] = {"device": {"label": self._label()}, "camera": self._camera(), "bus": self._bus()}
        told["key"] = {"place": self._key_place()}
        told["calibrate"] = typer.confirm("Is the printed calibration target before the camera?", default=False)
        return Answers.model_validate(told)

    def _label(self) -> str:
        while True:
            label: str = typer.prompt("The device's own label, never a person's", default=self.current.device.label)
            try:
                return DeviceSettings(label=label).label
            except ValidationError:
                typer.echo("Small letters, digits and hyphens, 32 at most.")

    def _camera(self) -> dict[str, Any]:
        """Let a camera be chosen until one is wanted with the figures that it gives."""
        found = list_cameras()
        rows = [[str(number), each.backend, each.device, each.label] for number, each in enumerate(found, start=1)]
        print_table("Cameras", ["", "Backend", "Device", "Label"], rows)
        typer.echo("0 keeps the one of the settings.")
        while True:
            number: int = typer.prompt("Which camera", type=int, default=0)
            if not 0 <= number <= len(found):
                continue
            chosen = found[number - 1] if number else None
            told = {} if chosen is None else {"backend": chosen.backend, "device": chosen.device or "0"}
            if self._is_wanted(told):
                return told

    def _is_wanted(self, told: dict[str, Any]) -> bool:
        camera = self.current.camera.model_copy(update=told)
        try:
            figures = camera_figures(CameraSettings.model_validate(camera.model_dump()), self.current.quality)
        except (CameraError, InputError) as error:
            typer.echo(f"{error}.")
            return False
        finding = camera_finding(figures, self.current.model_copy(update={"camera": camera}))
        typer.echo(finding.told)
        return typer.confirm("Take this camera?", default=finding.well)

    def _bus(self) -> dict[str, Any]:
        current = self.current.bus
        if not typer.confirm(
            "Is the broker on this device, behind its Unix socket?", default=current.transport == "unix"
        ):
            told: dict[str, Any] = {"transport": "tcp", "host": typer.prompt("The broker's host", default=current.host)}
            told["port"] = typer.prompt("Its port", default=8883, type=int)
            for key, words in _TLS_FILES.items():
                told[key] = typer.prompt(words, default=str(getattr(current, key) or ""), show_default=False) or None
            return told
        return {"transport": "unix"}

    def _key_place(self) -> str:
        if key_status(self.current.history).strength is not KeyStrength.NONE:
            return "later"
        words = "Seal the key to this machine (sealed), insist on its TPM2 (tpm2), or keep it in a file (file)"
        return str(typer.prompt(words, default="sealed"))


_TLS_FILES = {
    "ca_file": "File of the authority that signed the broker's certificate",
    "certificate_file": "File of this device's certificate",
    "certificate_key_file": "File of its key",
}
