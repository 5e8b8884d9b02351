"""What the Debian package is made of: pinned wheels, a manual of every command, scripts that a shell reads."""

import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from dermscan import __version__
from dermscan.cli import main as main_module
from dermscan.cli.main import app
from dermscan.errors import InstallationIncomplete

CHECKOUT = Path(__file__).parents[2]
DEBIAN = CHECKOUT / "deploy" / "debian"
LOCK = (CHECKOUT / "deploy" / "requirements.lock").read_text(encoding="utf-8")
SCRIPTS = ["check-version", "dermscan-admin", "first-start", "keep-version", "postinst", "postrm", "prerm"]


def pins(text: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^\s\\;]+)", text, re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


def project() -> dict[str, list[str]]:
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)["project"]
    return {"": found["dependencies"], **found["optional-dependencies"]}


@pytest.mark.parametrize("extra", ["", "console", "reporting"])
def test_everything_that_is_needed_is_in_the_lock(extra: str) -> None:
    names = {re.split(r"[<>=\[; ]", line)[0].lower().replace("_", "-") for line in project()[extra]}
    assert names <= set(pins(LOCK))


def test_the_lock_and_the_constraints_name_the_same_versions() -> None:
    locked = pins(LOCK)
    constrained = pins((CHECKOUT / "deploy" / "constraints.txt").read_text(encoding="utf-8"))
    both = locked.keys() & constrained.keys()
    assert {name: locked[name] for name in both} == {name: constrained[name] for name in both}
    assert len(both) > 25


def test_every_wheel_has_its_hash() -> None:
    for entry in re.split(r"\n(?=\S)", LOCK.split("(--require-hashes).\n")[1].strip()):
        assert re.fullmatch(r"[\w.-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", entry), entry


def test_nothing_in_the_lock_names_a_place() -> None:
    assert "http" not in LOCK
    assert "file:" not in LOCK


def test_the_manual_has_every_command_and_a_shell_completes_them(tmp_path: Path) -> None:
    command = [sys.executable, str(DEBIAN / "manual.py"), str(tmp_path), "1.2.3", "2026-01-01"]
    subprocess.run(command, check=True)
    page = (tmp_path / "dermscan.1").read_text(encoding="utf-8").replace("\\-", "-")
    for name in vars(get_command(app))["commands"]:
        assert re.search(rf"^\.SS \\fB{re.escape(name)}\b", page, re.MULTILINE), name
    assert '"dermscan 1.2.3"' in page
    for shell in ("dermscan.bash", "_dermscan", "dermscan.fish"):
        assert "_DERMSCAN_COMPLETE" in (tmp_path / shell).read_text(encoding="utf-8")


def test_what_is_recommended_is_filled_in_with_its_alternatives() -> None:
    build = (CHECKOUT / "deploy" / "build-deb").read_text(encoding="utf-8")
    alternatives = re.findall(r"recommends='([^']*\|[^']*)'", build)
    assert alternatives
    (option,) = re.findall(r'-e "(s(.)@RECOMMENDS@.*?)"', build)
    command = option[0].replace("$recommends", alternatives[0])
    done = subprocess.run(["sed", "-e", command], input="@RECOMMENDS@", capture_output=True, text=True, check=True)
    assert done.stdout == alternatives[0]


def without(module: str) -> str:
    """The package's command, run where a part of the environment is missing."""
    return (
        f"import runpy, sys; sys.modules[{module!r}] = None; sys.argv = ['dermscan', '--version'];"
        f" runpy.run_path({str(DEBIAN / 'dermscan')!r}, run_name='__main__')"
    )


@pytest.mark.parametrize("missing", ["pydantic", "dermscan.cli.console", "dermscan.errors"])
def test_half_an_installation_is_one_sentence_with_its_code(missing: str) -> None:
    done = subprocess.run([sys.executable, "-c", without(missing)], capture_output=True, text=True, check=False)
    assert done.stderr == f"dermscan: {InstallationIncomplete(part=missing)}\n"
    assert done.returncode == InstallationIncomplete.exit_code


def test_a_whole_installation_does_what_it_is_asked() -> None:
    done = subprocess.run([sys.executable, "-c", without("cv3")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n"), done.stderr


def test_what_is_missed_only_later_is_the_same_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def needs_more() -> None:
        raise ModuleNotFoundError(name="argon2")

    monkeypatch.setattr(main_module, "app", needs_more)
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # with another test's thread it would end them all
    with pytest.raises(SystemExit) as ended:
        main_module.main()
    assert ended.value.code == InstallationIncomplete.exit_code
    assert capsys.readouterr().err == f"dermscan: {InstallationIncomplete(part='argon2')}\n"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_plain_shell_reads_the_scripts(script: str) -> None:
    subprocess.run(["dash", "-n", DEBIAN / script], check=True)
    text = (DEBIAN / script).read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert re.search(r"^set -eu?$", text, re.MULTILINE)


def test_a_purge_destroys_the_key_first_and_says_so() -> None:
    text = (DEBIAN / "postrm").read_text(encoding="utf-8")
    said, key, history = (
        text.index(part) for part in ("echo 'dermscan: erasing", "credstore", "rm -rf /var/lib/dermscan /")
    )
    assert said < key < history


def test_units_name_programs_that_the_package_lays_there() -> None:
    build = (CHECKOUT / "deploy" / "build-deb").read_text(encoding="utf-8")
    for unit in (CHECKOUT / "systemd").glob("dermscan*.service"):
        for program in re.findall(
            r"^Exec\w+=-?(/usr/lib/dermscan/\S+)", unit.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert (DEBIAN / Path(program).name).exists(), program
            assert Path(program).name in build
