"""Writes the manual's page and the shell completions of `dermscan` from its own commands.

Usage: .venv/bin/python deploy/debian/manual.py FOLDER VERSION DATE
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.completion import get_completion_script

from dermscan.cli.main import app

SHELLS = {"bash": "dermscan.bash", "zsh": "_dermscan", "fish": "dermscan.fish"}
COMPLETE = "_DERMSCAN_COMPLETE"
FILES = {
    "/etc/dermscan/settings.toml": "The settings; every field is told in /usr/share/doc/dermscan/settings.md.",
    "/var/lib/dermscan": "The encrypted history.",
    "/var/backups/dermscan": "The nightly backups.",
    "/etc/credstore.encrypted/dermscan-master-key": "The master key, sealed to this machine.",
    "/run/dermscan": "How the service is, for other programs.",
}


def page(version: str, date: str) -> str:
    """The whole page, in man(7)'s macros."""
    root: Any = typer.main.get_command(app)
    lines = [
        f'.TH DERMSCAN 1 "{date}" "dermscan {version}" "User Commands"',
        ".SH NAME",
        "dermscan \\- skin\\-lesion scanner that keeps every picture on the device",
        ".SH SYNOPSIS",
        ".B dermscan\n[\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...",
        ".SH DESCRIPTION",
        prose(root.help),
        ".SH OPTIONS",
        *options(root),
        ".SH COMMANDS",
        *commands(root, ""),
        ".SH EXIT STATUS",
        "0 when done; otherwise one sentence on standard error and a code of /usr/share/doc/dermscan/exit\\-codes.md.",
        ".SH FILES",
    ]
    for name, meaning in FILES.items():
        lines += [".TP", f".I {escaped(name)}", escaped(meaning)]
    lines += [".SH SEE ALSO", ".BR systemctl (1),", ".BR journalctl (1),", ".BR systemd\\-creds (1)"]
    return "\n".join(line for line in lines if line) + "\n"


def commands(group: Any, before: str) -> Iterator[str]:
    """Each command below a group, with its arguments and options."""
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
            continue
        arguments = " ".join(
            f"\\fI{escaped((one.metavar or one.name).upper())}\\fR"
            for one in command.params
            if one.param_type_name == "argument"
        )
        yield f".SS \\fB{escaped(before + name)}\\fR {arguments}"
        yield prose(command.help)
        yield from options(command)


def options(command: Any) -> Iterator[str]:
    """The options of a command."""
    for one in command.params:
        if one.param_type_name == "option" and one.name not in {"help", "install_completion", "show_completion"}:
            value = "" if one.is_flag else f" \\fI{escaped((one.metavar or one.name).upper())}\\fR"
            yield ".TP"
            yield ", ".join(f"\\fB{escaped(name)}\\fR" for name in one.opts) + value
            yield escaped(one.help or "")


def prose(text: str | None) -> str:
    """Running text: a paragraph for each of its own, examples kept as lines of their own."""
    paragraphs = [" ".join(part.split()) for part in (text or "").split("\n\n")]
    return "\n.PP\n".join(escaped(part) for part in paragraphs if part)


def escaped(text: str) -> str:
    """Text whose hyphens, backslashes and first dots mean themselves."""
    safe = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


def main() -> None:
    """Write everything into the folder."""
    folder, version, date = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dermscan.1").write_text(page(version, date), encoding="utf-8")
    for shell, name in SHELLS.items():
        script = get_completion_script(prog_name="dermscan", complete_var=COMPLETE, shell=shell)
        (folder / name).write_text(script + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
