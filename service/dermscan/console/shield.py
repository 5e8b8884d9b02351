"""What every request must be and every answer must say, whatever page it is. It knows no page and no person."""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; img-src 'self' blob:; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), display-capture=()",
}
BODY_MAX_BYTES = 64 * 1024
METHODS = frozenset({"GET", "HEAD", "POST"})


class Shield:
    """Stands before the application."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], *, secure: bool) -> None:
        """Take the application, the host names by which it may be asked for, and whether it speaks TLS."""
        self._app = app
        self._hosts = frozenset(hosts)
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what no browser of the clinic sends; hand on the rest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope["method"], Headers(scope=scope))
        app = self._app if problem is None else PlainTextResponse(problem[1], problem[0])
        await app(scope, receive, self._headed(scope["path"], send))

    def _problem(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if host_name(host) not in self._hosts:
            return 421, "This is not the console of that name"
        if method not in METHODS:
            return 405, "This method is not known here"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_MAX_BYTES or "transfer-encoding" in headers:
            return 413, "This is too much"
        if method == "POST" and not self._own(headers, host):
            return 403, "This form is not from here"
        return None

    def _own(self, headers: Headers, host: str) -> bool:
        """Whether a form comes from one of the console's own pages, by what the browser says of it."""
        own = f"{'https' if self._secure else 'http'}://{host}"
        site = headers.get("sec-fetch-site", "same-origin")
        return headers.get("origin", own) == own and site == "same-origin"

    def _headed(self, path: str, send: Send) -> Send:
        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers["Cache-Control"] = "no-cache" if path.startswith("/static/") else "no-store"
                if self._secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        return headed


def host_name(host: str) -> str:
    """The name or address of a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()
