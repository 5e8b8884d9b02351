"""`dermscan demo`: the whole appliance on one machine, with a replayed camera, an embedded broker and the display."""

import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from dermscan.bus.embedded import EmbeddedBroker
from dermscan.daemon.journal import configure_logging
from dermscan.daemon.service import Service
from dermscan.display.serving import DisplayServer
from dermscan.errors import OutputError
from dermscan.history.keys import create_key_file
from dermscan.settings import Settings

DEVICE = "demo"
MQTT_PORT = 1883
KEY_NAME = "demonstration.key"
SETTINGS_NAME = "settings.toml"


def demo(
    frames: Annotated[
        Path | None, typer.Option(help="Folder of pictures, or a video, to show; the rendered phantom when left out.")
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Where the demonstration's history lies.", envvar="DERMSCAN_DEMO_FOLDER")
    ] = Path("~/.local/share/dermscan-demo"),
    broker_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the broker; 1883 or a free one when left out.")
    ] = 0,
    display_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the display; 0 takes a free one.")] = 0,
    seconds: Annotated[float | None, typer.Option(min=1, help="End after so many seconds.")] = None,
) -> None:
    """Run the daemon on a replayed camera with an embedded broker and the bedside display, on this machine only.

    Example: dermscan demo --frames pictures/
    """
    folder = folder.expanduser()
    key_file = _prepared(folder)
    broker = EmbeddedBroker(broker_port or _usual_port_if_free())
    broker.start()
    display = DisplayServer(f"ws://127.0.0.1:{broker.websocket_port}", DEVICE, display_port)
    try:
        display.start()
        _tell(folder, key_file, broker, display)
        settings = demo_settings(folder, key_file, broker.port, frames)
        configure_logging()
        if seconds is not None:
            _end_after(seconds)
        Service(lambda: settings).run()
    finally:
        display.stop()
        broker.stop()


def demo_settings(folder: Path, key_file: Path, broker_port: int, frames: Path | None) -> Settings:
    """The demonstration's settings: nothing but loopback, a development key, and a replayed or rendered camera."""
    replay = {"backend": "phantom"} if frames is None else {"backend": "replay", "source": frames}
    return Settings.model_validate(
        {
            "device": {"label": DEVICE},
            "camera": {**replay, "rate_hz": 10, "dwell_s": 5},
            "models": {"store": folder / "bundles"},
            "history": {"folder": folder / "history", "key_file": key_file},
            "bus": {"transport": "tcp", "port": broker_port},
            # A container or a virtual machine has neither clock nor time service of its own; its host's is right
            "health": {"trust_clock": True},
        }
    )


def _usual_port_if_free() -> int:
    """MQTT's own port, so that any client finds the demonstration; 0 where something else listens there."""
    try:
        socket.create_server(("127.0.0.1", MQTT_PORT)).close()
    except OSError:
        return 0
    return MQTT_PORT


def _prepared(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(target=folder, problem=error.strerror) from None
    key_file = folder / KEY_NAME
    if not key_file.exists():
        create_key_file(key_file)
    return key_file


def _tell(folder: Path, key_file: Path, broker: EmbeddedBroker, display: DisplayServer) -> None:
    settings = f"DERMSCAN_SETTINGS={folder / 'settings.toml'}"
    history = {"folder": str(folder / "history"), "key_file": str(key_file)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in history.items()]
    (folder / SETTINGS_NAME).write_text("\n".join(["[history]", *lines, ""]), encoding="utf-8")
    typer.echo(f"Bedside display    {display.url}")
    typer.echo(f"Status on the bus  mosquitto_sub -p {broker.port} -v -t 'dermscan/#'")
    typer.echo(f"Encrypted history  {folder / 'history'}")
    program = Path(sys.executable).with_name("dermscan")
    typer.echo(f"Look into it       {settings} {program} history list")
    typer.echo("End                Ctrl-C")


def _end_after(seconds: float) -> None:
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    timer.start()
