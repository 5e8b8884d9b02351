import os
import pwd
from pathlib import Path

import pytest

from dermscan.history.actor import current_actor

NOBODY = str(2**32 - 1)
ME = pwd.getpwuid(os.geteuid()).pw_name


def process(folder: Path, login: str | None, group: str | None) -> Path:
    for name, content in (("loginuid", login), ("cgroup", group)):
        if content is not None:
            (folder / name).write_text(content, encoding="ascii")
    return folder


@pytest.mark.parametrize(
    ("login", "group", "actor"),
    [
        (NOBODY, "0::/system.slice/dermscan.service\n", "unit dermscan.service"),
        ("0", "0::/user.slice/user-0.slice/session-1.scope\n", f"user {pwd.getpwuid(0).pw_name}"),
        ("0", "0::/system.slice/dermscan.service\n", f"user {pwd.getpwuid(0).pw_name}"),
        ("4000123", "0::/\n", "user 4000123"),
        (NOBODY, "0::/user.slice/user-0.slice/user@0.service\n", f"user {ME}"),
        (NOBODY, "", f"user {ME}"),
        ("nonsense", None, f"user {ME}"),
        (None, None, f"user {ME}"),
    ],
)
def test_an_actor_is_who_logged_in_or_else_the_unit(
    tmp_path: Path, login: str | None, group: str | None, actor: str
) -> None:
    assert current_actor(process(tmp_path, login, group)) == actor


def test_a_long_name_fits_the_column(tmp_path: Path) -> None:
    assert len(current_actor(process(tmp_path, NOBODY, f"0::/system.slice/{'x' * 200}.service"))) == 64
