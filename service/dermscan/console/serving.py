"""Puts the console together and serves it until it is told to end. It listens where it should and calls nobody."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from dermscan.console import comparing, correcting, device, entrance, exporting, inbox, lesions, scanning, scans
from dermscan.console.desk import Desk
from dermscan.console.shield import Shield
from dermscan.console.visit import told_unknown
from dermscan.errors import OutputError, SettingsError
from dermscan.settings import ConsoleSettings, Settings

STATIC = Path(__file__).parent / "static"
FAREWELL_S = 2
CONNECTIONS = 200

_ROOMS = (entrance, lesions, scans, inbox, scanning, correcting, comparing, exporting, device)


def make_app(desk: Desk) -> ASGIApp:
    """The application behind its shield."""

    @asynccontextmanager
    async def alive(_app: Starlette) -> AsyncIterator[None]:
        desk.line.start()
        try:
            yield
        finally:
            desk.line.stop()
            desk.door.close()

    routes = [route for room in _ROOMS for route in room.ROUTES]
    app = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=STATIC))],
        lifespan=alive,
        exception_handlers={404: told_unknown, 405: told_unknown, 500: _broken},
    )
    app.state.desk = desk
    return Shield(app, _hosts(desk.settings.console), secure=desk.secure)


async def _broken(request: Request, error: Exception) -> Response:
    """A defect: the log has the place, the answer nothing of it."""
    del request, error
    return PlainTextResponse("The console has failed at this page. Go back and try again.", 500)


def _hosts(settings: ConsoleSettings) -> set[str]:
    named = {settings.name.lower()} if settings.name else set()
    return {"127.0.0.1", "localhost", "[::1]", _in_address(settings.host), *named}


def _in_address(host: str) -> str:
    """A host as an address names it: IPv6 stands in brackets."""
    return f"[{host.lower()}]" if ":" in host else host.lower()


def address_of(settings: ConsoleSettings, opened: socket.socket) -> str:
    """Where a browser of this machine finds the console that has opened this port."""
    scheme = "http" if settings.certificate_file is None else "https"
    return f"{scheme}://{_in_address(settings.host)}:{opened.getsockname()[1]}/"


def listen(settings: ConsoleSettings) -> socket.socket:
    """Open the port. From here on a visitor waits in line, and is not turned away, until `serve` begins.

    Raises:
        OutputError: It is taken, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((settings.host, settings.port))
        opened.listen()
    except OSError as error:
        opened.close()
        target = f"the port {settings.port} of {settings.host}"
        raise OutputError(target=target, problem=error.strerror or "it is taken") from None
    return opened


def configured(desk: Desk) -> uvicorn.Config:
    """How the console is served: by TLS 1.3 where there is a certificate; every browser since 2020 speaks it.

    Raises:
        SettingsError: The certificate or its key cannot be used.
    """
    console = desk.settings.console
    config = uvicorn.Config(
        make_app(desk),
        ssl_certfile=console.certificate_file,
        ssl_keyfile=console.certificate_key_file,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=FAREWELL_S,
    )
    try:
        config.load()
    except OSError:
        raise SettingsError(problem="console.certificate_file and its key are missing, damaged or no pair") from None
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    return config


def serve(settings: Settings, opened: socket.socket) -> None:
    """Serve the console on an open port until a signal ends the process.

    Raises:
        SettingsError: The certificate or its key cannot be used, or the broker's identity cannot be read.
    """
    uvicorn.Server(configured(Desk.of(settings))).run(sockets=[opened])
