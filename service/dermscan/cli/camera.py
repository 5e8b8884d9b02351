"""`dermscan camera`: which cameras there are, and how one is calibrated."""

import typer

from dermscan.capture.opening import list_cameras
from dermscan.cli.analyze import Json
from dermscan.cli.calibration import calibrate, calibration, target
from dermscan.cli.presentation import print_json, print_table

camera_app = typer.Typer(no_args_is_help=True, help="The camera.")
camera_app.command("target")(target)
camera_app.command("calibrate")(calibrate)
camera_app.command("calibration")(calibration)


@camera_app.command("list")
def list_(*, as_json: Json = False) -> None:
    """List the cameras that can be chosen in the settings.

    Example: dermscan camera list
    """
    cameras = list_cameras()
    if as_json:
        print_json(cameras)
    else:
        rows = [[camera.backend, camera.device, camera.label] for camera in cameras]
        print_table("Cameras", ["Backend", "Device", "Label"], rows)
