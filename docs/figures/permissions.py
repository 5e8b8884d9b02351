"""Writes docs/bus/who-may-do-what.md from the table that the tests try cell by cell against a real broker."""

import json
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "bus"
HEAD = """# Who may do what on the appliance's broker

Made by `docs/figures/permissions.py` from `who-may-do-what.json`. `tests/bus/test_permissions.py` sets a real Mosquitto
up with `deploy/broker-identities` and tries every cell with that identity: what is sent is looked for by an observer,
what may be seen is published and looked for on the identity's side.

`broker-identities` makes the identities: nothing but the Unix socket for the service, a password for the console,
nothing for the display, whose listener is bound to this machine; with `--clinic ADDRESS` also a TLS listener on that
address, which takes client certificates of the appliance's own authority and nothing else. Without `--clinic` the
broker listens on loopback only.
"""


def page() -> str:
    """The whole page, Markdown."""
    table = json.loads((FOLDER / "who-may-do-what.json").read_text(encoding="utf-8"))
    let_in = {who: may for who, may in table["may"].items() if may is not None}
    rows = [["", *let_in], ["---"] + [":---:"] * len(let_in)]
    rows += [[act, *("yes" if act in may else "-" for may in let_in.values())] for act in table["acts"]]
    shut_out = [f"- {who}" for who, may in table["may"].items() if may is None]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([HEAD, *lines, "", "Not let in at all:", "", *shut_out, ""])


if __name__ == "__main__":
    (FOLDER / "who-may-do-what.md").write_text(page(), encoding="utf-8")
