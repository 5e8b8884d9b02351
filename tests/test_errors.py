import inspect
import pickle
import re
import string

import pytest

from dermscan import errors
from dermscan.errors import DermscanError


def every_error() -> list[type[DermscanError]]:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DermscanError)]
    return sorted(kinds, key=lambda kind: kind.__name__)


def fields_of(kind: type[DermscanError]) -> list[tuple[str, str]]:
    parts = string.Formatter().parse(kind.__doc__ or "")
    return [(name, form or "") for _, name, form, _ in parts if name is not None]


def filled(kind: type[DermscanError]) -> DermscanError:
    return kind(**{name: 1.5 if form else "this" for name, form in fields_of(kind)})


@pytest.mark.parametrize("kind", every_error())
def test_a_message_is_one_clear_sentence(kind: type[DermscanError]) -> None:
    message = str(filled(kind))
    assert message
    assert "\n" not in message
    assert not message.endswith(".")
    assert not re.search(r"[{}]", message)


@pytest.mark.parametrize("kind", every_error())
def test_an_error_crosses_a_process_boundary(kind: type[DermscanError]) -> None:
    error = filled(kind)
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(twin) is kind
    assert str(twin) == str(error)


def leaves() -> list[type[DermscanError]]:
    return [kind for kind in every_error() if not kind.__subclasses__()]


def test_each_leaf_has_an_exit_code_of_its_own() -> None:
    codes = [kind.exit_code for kind in leaves()]
    assert len(set(codes)) == len(codes)
    assert all(1 < code < 64 for code in codes), "64 and above belong to sysexits and to signals"


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    tree: list[type[DermscanError]] = [DermscanError, *leaves()]
    drawn = dict(re.findall(r"^ +(\w+) +(\d+)", errors.__doc__ or "", re.MULTILINE))
    assert drawn == {kind.__name__: str(kind.exit_code) for kind in tree}


def test_a_missing_detail_is_a_defect() -> None:
    with pytest.raises(KeyError):
        errors.HistoryError()
