"""Serves the bedside page on loopback for the demonstration; on an appliance the broker's `http_dir` does it.

It hands out the page's own files and its configuration, and nothing else of the disk.
"""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from dermscan.errors import OutputError

HOST = "127.0.0.1"
FOLDER = Path(__file__).parent / "page"
"""The static page; an appliance's broker is given this folder as its `http_dir`."""
APPLIANCE_BROKER = "ws://127.0.0.1:8080 http://127.0.0.1:8080"
"""The broker that a page opened from the disk, as the kiosk does, may reach beside its own origin."""
POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {APPLIANCE_BROKER}; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'"
)
"""The Content-Security-Policy that the page itself has; the demonstration names its own broker in its place."""

FILES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "display.js": "text/javascript; charset=utf-8",
    "worker.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class DisplayServer:
    """The page on a thread of its own.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, broker_url: str, device_label: str, port: int = 0, language: str | None = None) -> None:
        """Open the port; 0 takes a free one.

        Args:
            broker_url: Where the page reaches the broker, `ws://host:port`.
            device_label: The device whose status is shown.
            port: Where to listen.
            language: Code of the page's language; None lets the browser's own decide.

        Raises:
            OutputError: The port is in use.
        """
        answers = _answers(broker_url, device_label, language)
        policy = _policy(broker_url) + "; frame-ancestors 'none'"

        class Handler(_Handler):
            contents = answers
            security_policy = policy

        try:
            self._server = ThreadingHTTPServer((HOST, port), Handler)
        except OSError as error:
            raise OutputError(target=f"the page on port {port}", problem=error.strerror) from None
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="display", daemon=True)

    @property
    def url(self) -> str:
        """Where to look."""
        return f"http://{HOST}:{self.port}/"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port; harmless when not started."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _policy(broker_url: str) -> str:
    """The page's policy with this broker: its WebSocket, and the plain request that notices its return."""
    return POLICY.replace(APPLIANCE_BROKER, f"{broker_url} {broker_url.replace('ws', 'http', 1)}")


def _answers(broker_url: str, device_label: str, language: str | None) -> dict[str, tuple[str, bytes]]:
    """Everything there is to be had, by path: media type and bytes."""
    found = {f"/{name}": (kind, (FOLDER / name).read_bytes()) for name, kind in FILES.items()}
    kind, page = found["/index.html"]
    found["/"] = found["/index.html"] = (kind, page.replace(POLICY.encode(), _policy(broker_url).encode()))
    config = {"broker": broker_url, "device": device_label} | ({"language": language} if language else {})
    found["/config.json"] = ("application/json", json.dumps(config).encode())
    return found


class _Handler(BaseHTTPRequestHandler):
    contents: dict[str, tuple[str, bytes]]
    security_policy: str
    server_version = "Derm-Scan"
    sys_version = ""

    def do_GET(self) -> None:
        body = self._begin()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self._begin()

    def log_message(self, *_: Any) -> None:
        """Say nothing: who looks at the page is nobody's business."""

    def _begin(self) -> bytes:
        answer = self.contents.get(self.path.partition("?")[0])
        status = HTTPStatus.NOT_FOUND if answer is None else HTTPStatus.OK
        kind, body = answer or ("text/plain; charset=utf-8", b"Not here\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.security_policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        return body
