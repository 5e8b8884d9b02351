"""Visitors that speak HTTP to a console as a browser does: they keep cookies and send a form's token back."""

import http.client
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

CLINICIAN, TECHNICIAN, PIN = "a.wren", "t.crake", "tidal-48213"


@dataclass
class Answer:
    """What a visitor was answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def title(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        return found[1].strip() if found else ""

    @property
    def location(self) -> str:
        return self.headers["Location"] or ""

    def link(self, pattern: str) -> str:
        """The first address on the page that fits."""
        found = re.search(rf'"({pattern})"', self.text)
        assert found, (pattern, self.text[:2000])
        return found[1]


@dataclass
class Visitor:
    """Somebody with a browser: it keeps cookies, and sends back the token of the page seen last."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    @property
    def host(self) -> str:
        """The name by which the console is asked."""
        return f"127.0.0.1:{self.port}"

    def connection(self) -> http.client.HTTPConnection:
        """A fresh way to the console."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        sent = {"Host": self.host, "Accept": "text/html", **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = self.connection()
        connection.request(method, path, body or None, sent)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        found = re.search(rb'name="token" value="([^"]+)"', answer.body)
        if found:
            self.token = found[1].decode()
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, b"", **headers)

    def post(self, path: str, *, token: str | None = None, **fields: str) -> Answer:
        content = urlencode({**fields, "token": self.token if token is None else token}).encode()
        return self.ask("POST", path, content, **{"Content-Type": "application/x-www-form-urlencoded"})

    def send(self, path: str, said: object) -> Answer:
        headers = {"Content-Type": "application/json", "X-Token": self.token, "Accept": "application/json"}
        return self.ask("POST", path, json.dumps(said).encode(), **headers)

    def sign_in(self, name: str = CLINICIAN, passphrase: str = PIN) -> Answer:
        self.get("/sign-in")
        answer = self.post("/sign-in", name=name, passphrase=passphrase)
        if answer.status == 303:
            self.get(answer.location)
        return answer


MakeVisitor = Callable[[], Visitor]
