"""`dermscan display`: hands out the bedside page with media types, so that a browser may keep a copy of it."""

import signal
from typing import Annotated

import typer

from dermscan.display.serving import DisplayServer
from dermscan.settings import Settings

PORT = 8081


def display(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen, on this machine only.")] = PORT,
    broker: Annotated[str, typer.Option(help="WebSocket of the broker.")] = "ws://127.0.0.1:8080/mqtt",
    language: Annotated[str | None, typer.Option(help="Language of the page; the browser's own when left out.")] = None,
) -> None:
    """Serve the bedside display's page on loopback until told to stop. The broker's own http_dir names no media types.

    Example: dermscan display --port 8081
    """
    settings: Settings = context.obj()
    stopping = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)  # before the threads are made, which inherit it
    server = DisplayServer(broker, settings.device.label, port, language)
    server.start()
    typer.echo(server.url)
    signal.sigwait(stopping)
    server.stop()
