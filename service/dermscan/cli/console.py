"""`dermscan console`: serves the clinician's console, and says who may sign in. A PIN is never an argument."""

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dermscan.cli.presentation import print_table
from dermscan.console.attempts import Attempts
from dermscan.console.role import Role
from dermscan.daemon.journal import configure_logging
from dermscan.errors import InputError
from dermscan.settings import Settings

if TYPE_CHECKING:
    from dermscan.console.people import People

console_app = typer.Typer(no_args_is_help=True, help="The clinician's console.")
user_app = typer.Typer(no_args_is_help=True, help="Who may sign in to the console.")
console_app.add_typer(user_app, name="user")

Name = Annotated[str, typer.Argument(help="The name of the sign-in; it stands in the audit log.")]


@console_app.command()
def run(context: typer.Context) -> None:
    """Serve the console in the foreground, as systemd does. SIGTERM ends it.

    Example: dermscan console run
    """
    from dermscan.console.serving import address_of, listen, serve  # noqa: PLC0415 - the extra `console` alone has what it needs

    configure_logging(verbose=False)
    settings: Settings = context.obj()
    opened = listen(settings.console)
    typer.echo(f"The console is at {address_of(settings.console, opened)}")
    sys.stdout.flush()
    serve(settings, opened)


@user_app.command()
def add(
    context: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Option(help="A technician sees the device and nobody's lesions.")] = Role.CLINICIAN,
) -> None:
    """Let somebody sign in, or give them another PIN or role. The PIN is asked for, or read from standard input.

    Example: dermscan console user add a.wren --role clinician
    """
    people = _people(context)
    people.add(name, role, _passphrase())
    Attempts(people.folder).forget(name)
    typer.echo(f"{name} may sign in as {role.value}.")


@user_app.command(name="list")
def list_people(context: typer.Context) -> None:
    """List who may sign in, and whose account is locked.

    Example: dermscan console user list
    """
    people = _people(context)
    attempts = Attempts(people.folder)
    rows = [
        [person.name, person.role.value, "locked" if attempts.of(person.name).locked else ""] for person in people.all()
    ]
    print_table("People of the console", ["Name", "Role", ""], rows)


@user_app.command()
def remove(context: typer.Context, name: Name) -> None:
    """Let somebody sign in no longer; what they are signed in to ends at their next touch.

    Example: dermscan console user remove a.wren
    """
    _people(context).remove(name)
    typer.echo(f"{name} may sign in no longer.")


@user_app.command()
def unlock(context: typer.Context, name: Name) -> None:
    """Unlock an account that was locked after too many failures.

    Example: dermscan console user unlock a.wren
    """
    people = _people(context)
    if people.find(name) is None:
        raise InputError(source="that name", problem="nobody has it")
    Attempts(people.folder).forget(name)
    typer.echo(f"{name} may try again.")


def _passphrase() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    typed = getpass.getpass("PIN or passphrase: ")
    if getpass.getpass("Once more: ") != typed:
        raise InputError(source="that PIN", problem="the two are not the same")
    return typed


def _people(context: typer.Context) -> "People":
    from dermscan.console.people import People  # noqa: PLC0415 - the extra `console` alone has what it needs

    return People(context.obj().console.folder)
