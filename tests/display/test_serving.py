"""The demonstration's page server: its own files, strict headers, loopback, and nothing else of the disk."""

import http.client
import json
import re
import socket
from collections.abc import Iterator

import pytest

from dermscan.display.serving import FILES, FOLDER, DisplayServer
from dermscan.errors import OutputError

BROKER = "ws://127.0.0.1:8883"


@pytest.fixture
def server() -> Iterator[DisplayServer]:
    made = DisplayServer(BROKER, "room-7")
    made.start()
    yield made
    made.stop()


def ask(server: DisplayServer, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest(method, path, skip_host=False)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_with_its_media_type(server: DisplayServer, name: str) -> None:
    status, headers, body = ask(server, f"/{name}")
    assert status == 200
    assert headers["content-type"] == FILES[name]
    assert len(body) == int(headers["content-length"])
    if name != "index.html":
        assert body == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("path", ["/", "/config.json", "/style.css", "/absent"])
def test_every_answer_carries_the_strict_headers(server: DisplayServer, path: str) -> None:
    _, headers, _ = ask(server, path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert f"connect-src 'self' {BROKER} http://127.0.0.1:8883;" in policy
    assert policy.endswith("frame-ancestors 'none'")
    assert "Python" not in headers["server"]


def test_the_page_itself_may_reach_the_broker_and_nothing_else(server: DisplayServer) -> None:
    for path in ("/", "/index.html", "/?device=room-2"):
        status, _, body = ask(server, path)
        assert status == 200
        policy = re.search(rb'Content-Security-Policy" content="([^"]+)"', body)
        assert policy is not None
        assert b"connect-src 'self' ws://127.0.0.1:8883 http://127.0.0.1:8883;" in policy[1]
        assert b":8080" not in policy[1]


def test_the_configuration_names_broker_and_device(server: DisplayServer) -> None:
    status, headers, body = ask(server, "/config.json")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {"broker": BROKER, "device": "room-7"}


def test_the_configuration_names_a_language_only_when_there_is_one() -> None:
    made = DisplayServer(BROKER, "room-7", language="de")
    made.start()
    assert json.loads(ask(made, "/config.json")[2])["language"] == "de"
    made.stop()


@pytest.mark.parametrize(
    "path",
    [
        "/absent",
        "/../serving.py",
        "/%2e%2e/serving.py",
        "/..%2fserving.py",
        "/icons/../../serving.py",
        "//etc/passwd",
        "/etc/passwd",
        "/source/",
        "/source/package.json",
        "/licences.md",
        "/style.css/",
        "/STYLE.CSS",
        "/style.css%00",
        "/.",
        "http://127.0.0.1/style.css",
    ],
)
def test_there_is_nothing_else(server: DisplayServer, path: str) -> None:
    status, _, body = ask(server, path)
    assert status == 404
    assert body == b"Not here\n"


def test_a_head_has_no_body_and_other_methods_are_refused(server: DisplayServer) -> None:
    status, headers, body = ask(server, "/style.css", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(server, "/", method)[0] == 501


def test_it_listens_on_loopback_only(server: DisplayServer) -> None:
    assert server._server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.port}/"


def test_it_is_silent(server: DisplayServer, capfd: pytest.CaptureFixture[str]) -> None:
    ask(server, "/")
    ask(server, "/absent")
    assert capfd.readouterr() == ("", "")


def test_it_stops_and_the_port_is_free_again() -> None:
    first = DisplayServer(BROKER, "room-1")
    first.start()
    ask(first, "/")
    first.stop()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", first.port)) != 0
    second = DisplayServer(BROKER, "room-1", first.port)
    second.start()
    assert ask(second, "/")[0] == 200
    second.stop()


def test_stopping_what_never_started_is_harmless() -> None:
    DisplayServer(BROKER, "room-1").stop()


def test_a_port_in_use_is_one_clear_sentence(server: DisplayServer) -> None:
    with pytest.raises(OutputError, match="Address already in use"):
        DisplayServer(BROKER, "room-1", server.port)
