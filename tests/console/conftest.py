"""A console on a port of its own over a drawn history, and visitors that speak HTTP to it as a browser does."""

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from argon2 import PasswordHasher
from playwright.sync_api import Browser, expect, sync_playwright

from appliance import wait_until
from bedside import ARGUMENTS
from broker import program
from clinic import Clinic, draw
from console.exam_room import AXE, PATIENCE_MS
from console.visiting import CLINICIAN, PIN, TECHNICIAN, MakeVisitor, Visitor
from dermscan.console import people
from dermscan.console.desk import Desk
from dermscan.console.role import Role
from dermscan.console.serving import configured, listen
from dermscan.history import History
from dermscan.history.keys import create_key_file, load_master_key
from dermscan.settings import HistorySettings, Settings


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not AXE.exists():
        pytest.fail("axe-core is missing: run ./deploy/test once")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium", "chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    key = tmp_path / "key"
    create_key_file(key)
    return Settings.model_validate(
        {
            "history": {"folder": tmp_path / "history", "key_file": key},
            "console": {
                "folder": tmp_path / "console",
                "port": 0,
                "bus": {"transport": "unix", "socket": tmp_path / "no-broker.sock"},
            },
        }
    )


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Clinic]:
    """A folder with a drawn history and its key, made once."""
    folder = tmp_path_factory.mktemp("drawn")
    create_key_file(folder / "key")
    key = load_master_key(HistorySettings(folder=folder / "history", key_file=folder / "key"))
    with History.open(folder / "history", key) as history:
        return folder, draw(history)


@pytest.fixture
def clinic(settings: Settings, drawn: tuple[Path, Clinic]) -> Clinic:
    folder, made = drawn
    assert settings.history.key_file is not None
    shutil.copy(folder / "key", settings.history.key_file)
    shutil.copytree(folder / "history", settings.history.folder)
    return made


@pytest.fixture(autouse=True)
def _quick_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2id with little memory, but where the hashes themselves are looked at."""
    if request.module.__name__.rpartition(".")[2] != "test_people":
        monkeypatch.setattr(people, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def desk(settings: Settings) -> Desk:
    made = Desk.of(settings)
    made.people.add(CLINICIAN, Role.CLINICIAN, PIN)
    made.people.add(TECHNICIAN, Role.TECHNICIAN, PIN)
    return made


@pytest.fixture
def opened(settings: Settings) -> Iterator[socket.socket]:
    with listen(settings.console) as bound:
        yield bound


@pytest.fixture
def port(desk: Desk, opened: socket.socket) -> Iterator[int]:
    server = uvicorn.Server(configured(desk))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
    thread.start()
    wait_until(lambda: server.started)
    yield int(opened.getsockname()[1])
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def make_visitor(port: int) -> MakeVisitor:
    return lambda: Visitor(port)


@pytest.fixture
def visitor(make_visitor: MakeVisitor) -> Visitor:
    return make_visitor()


@pytest.fixture
def clinician(make_visitor: MakeVisitor) -> Visitor:
    visitor = make_visitor()
    assert visitor.sign_in().status == 303
    return visitor


@pytest.fixture
def technician(make_visitor: MakeVisitor) -> Visitor:
    visitor = make_visitor()
    assert visitor.sign_in(TECHNICIAN).status == 303
    return visitor
