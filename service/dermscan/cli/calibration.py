"""`dermscan camera target|calibrate|calibration`: print the target, calibrate with it, see what holds."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dermscan.calibration import Calibration, CalibrationState, load_calibration, save_calibration
from dermscan.calibration import calibrate as calibrated_by
from dermscan.calibration.calibrating import BAR_MM, DAYS
from dermscan.calibration.printing import Paper, target_pdf
from dermscan.calibration.record import state_of
from dermscan.camera_settings import CameraSettings
from dermscan.capture.opening import open_camera
from dermscan.capture.pictures import decode_image, list_images
from dermscan.cli.analyze import Json
from dermscan.cli.presentation import print_json, print_table
from dermscan.domain import Frame
from dermscan.errors import InputError, OutputError
from dermscan.settings import Settings

SETTLING = 15
"""Frames that are let go first, for the camera to settle exposure and white balance."""


def target(
    out: Annotated[Path, typer.Option(help="The PDF to write.")],
    paper: Annotated[Paper, typer.Option(help="Size of the paper.")] = "a4",
) -> None:
    """Write the calibration target as a PDF; print it at 100 %, in colour, on matt white paper.

    Example: dermscan camera target --out target.pdf
    """
    try:
        out.write_bytes(target_pdf(paper))
    except OSError as error:
        raise OutputError(target=out, problem=error.strerror) from None
    typer.echo(f"{out}: print it at 100 % ('actual size') and measure the bar, which must be {BAR_MM:.0f} mm long.")


def calibrate(
    context: typer.Context,
    frames: Annotated[
        Path | None, typer.Option(help="Folder of pictures that this camera took, instead of new ones.")
    ] = None,
    pictures: Annotated[int, typer.Option(min=1, max=50, help="How many pictures to take.")] = 5,
    bar_mm: Annotated[float, typer.Option(help="What a ruler says of the printed bar, in millimetres.")] = BAR_MM,
    days: Annotated[int, typer.Option(min=1, max=3650, help="For how many days it holds.")] = DAYS,
    *,
    as_json: Json = False,
) -> None:
    """Calibrate the camera by the printed target, at the working distance and in the working light.

    Scale, white balance and colours are measured and kept beside the history. Stop the service first: it holds the
    camera, and it reads the calibration when it starts.

    Example: dermscan camera calibrate --bar-mm 99.6
    """
    settings: Settings = context.obj()
    seen = _taken(settings.camera, pictures) if frames is None else _read(frames)
    made = calibrated_by(seen, settings.camera, datetime.now(UTC), days, bar_mm)
    save_calibration(settings.history.folder, made)
    _show(made, CalibrationState.VALID, as_json=as_json)


def calibration(context: typer.Context, *, as_json: Json = False) -> None:
    """Show the calibration, and whether it holds for the camera as it is set.

    Example: dermscan camera calibration --json
    """
    settings: Settings = context.obj()
    made = load_calibration(settings.history.folder)
    if made is not None:
        _show(made, state_of(made, settings.camera, datetime.now(UTC)), as_json=as_json)
    elif as_json:
        print_json({"state": CalibrationState.NONE})
    else:
        typer.echo("The camera is not calibrated; see `dermscan camera target`.")


def _taken(camera: CameraSettings, pictures: int) -> list[Frame]:
    with open_camera(camera) as opened:
        for _ in range(SETTLING):
            opened.read()
        return [opened.still(opened.read()) for _ in range(pictures)]


def _read(folder: Path) -> list[Frame]:
    return [_frame(path) for path in list_images(folder)]


def _frame(path: Path) -> Frame:
    pixels = decode_image(path)
    if pixels is None:
        raise InputError(source=path, problem="it is no picture that can be read")
    return Frame(pixels, 0, 0.0, datetime.now(UTC))


def _show(made: Calibration, state: CalibrationState, *, as_json: bool) -> None:
    if as_json:
        fields = made.model_dump(mode="json")
        print_json({"state": state, "calibration_id": made.calibration_id, **fields})
    else:
        print_table("Calibration", ["", ""], _facts(made, state))


def _facts(made: Calibration, state: CalibrationState) -> list[list[str]]:
    color, lens = made.color, made.lens
    share = 100 * made.mm_per_pixel_error / made.mm_per_pixel
    bent = "none observed" if lens is None else f"{lens.farthest_px:.1f} pixels at the outermost corner"
    return [
        ["State", state.replace("_", " ")],
        ["Identifier", made.calibration_id],
        ["Made (UTC)", f"{made.made_at:%Y-%m-%d %H:%M}"],
        ["Holds until", f"{made.valid_until:%Y-%m-%d}"],
        ["Camera", f"{made.backend} {made.device}, {made.width} x {made.height} pixels"],
        ["Target", f"{made.target}, {made.frames} pictures"],
        ["Scale", f"{made.mm_per_pixel:.5f} mm per pixel, within {2 * share:.1f} % (95 %)"],
        ["Tilt", f"{made.tilt_deg:.1f} degrees"],
        ["White balance", "red {:.3f}, green {:.3f}, blue {:.3f}".format(*color.gains)],
        ["Colours, CIEDE2000", f"{color.delta_e_before:.1f} before, {color.delta_e_after:.1f} after correction"],
        ["Lens distortion", bent],
    ]
