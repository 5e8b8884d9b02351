"""The house holds: rooms import what they may, errors are told apart, the top level alone catches everything."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "service" / "dermscan"
EVERYWHERE = {"camera_settings", "errors", "private_files", "settings"}
MAY_IMPORT = {
    "domain": set(),
    "calibration": {"domain"},
    "capture": {"domain"},
    "analysis": {"domain", "bundle"},
    "bundle": {"domain"},
    "history": {"domain"},
    "bus": {"domain"},
    "health": {"domain", "bus", "bundle"},
    "setup": {"domain", "analysis", "capture", "history", "bus"},
    "display": set(),
    "evaluation": {"domain", "bundle", "analysis"},
    "bench": {"domain", "bundle", "analysis", "capture", "evaluation"},
    "reporting": {"domain"},
    "exporting": {"domain", "bundle", "history", "reporting"},
    "console": {"domain", "analysis", "bundle", "bus", "history", "reporting", "exporting"},
}
NETWORK_MODULES = {"http", "urllib", "socket", "ftplib", "smtplib", "requests", "httpx", "aiohttp", "distributed"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def rooms_of(path: Path) -> set[str]:
    parts = (name.split(".") for name in imported(path))
    return {name[1] for name in parts if name[0] == "dermscan" and len(name) > 1 and name[1] != "__version__"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    allowed = MAY_IMPORT[room] | EVERYWHERE | {room}
    for path in (PACKAGE / room).rglob("*.py"):
        assert rooms_of(path) <= allowed, path.name


def test_the_domain_needs_nothing_but_numpy() -> None:
    standard = {"dataclasses", "datetime", "enum", "typing"}
    for path in (PACKAGE / "domain").rglob("*.py"):
        roots = {name.split(".")[0] for name in imported(path)}
        assert roots <= standard | {"numpy", "dermscan"}, path.name
        assert rooms_of(path) <= {"domain"}, path.name


def test_no_module_can_speak_to_the_network_but_the_bus_and_the_demonstration_page() -> None:
    by_hand = {"cluster.py"}  # an engineer's evaluation; the daemon never imports it
    for path in MODULES:
        roots = {name.split(".")[0] for name in imported(path)}
        if roots & NETWORK_MODULES and path.name not in by_hand:
            assert path.relative_to(PACKAGE).parts[0] in {"bus", "console", "display", "cli"}, path.name


def swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a handler takes everything and does not hand it on."""
    broad = handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"}
    last = handler.body[-1]
    return broad and not (isinstance(last, ast.Raise) and last.exc is None)


def test_only_the_supervised_top_level_swallows_everything() -> None:
    found = [
        path.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and swallows(node)
    ]
    assert found == ["supervision.py"]


def test_every_module_says_what_it_is_for() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert not text or ast.get_docstring(ast.parse(text)), path.name


def test_modules_can_be_read_in_one_sitting() -> None:
    longest = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    tables = {"settings.py", "errors.py"}  # looked up, not read
    assert max(longest[name] for name in tables) <= 450, longest
    assert max(lines for name, lines in longest.items() if name not in tables) <= 320, longest


def test_the_project_speaks_of_itself_alone() -> None:
    for path in PACKAGE.parents[1].rglob("*"):
        if path.suffix in {".py", ".md", ".toml", ".sh", ".service"} and ".venv" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert "/" + "work/" not in text, path.name
