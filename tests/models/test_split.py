"""A lesion is in one part of the split only, always the same."""

import importlib.util
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[2] / "models" / "data.py"


@pytest.fixture(scope="module")
def data() -> ModuleType:
    specification = importlib.util.spec_from_file_location("training_data", SOURCE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["training_data"] = module
    specification.loader.exec_module(module)
    return module


def test_the_split_never_changes(data: ModuleType) -> None:
    parts = {
        "HAM_0000001": "train",
        "HAM_0000011": "validation",
        "HAM_0000008": "test",
        "HAM_0000012": "validation",
        "HAM_0000009": "test",
    }
    assert {name: data.part_of(name) for name in parts} == parts


def test_the_parts_have_the_shares_they_should(data: ModuleType) -> None:
    parts = [data.part_of(f"lesion-{number}") for number in range(20_000)]
    assert parts.count("train") / 20_000 == pytest.approx(0.70, abs=0.01)
    assert parts.count("validation") / 20_000 == pytest.approx(0.15, abs=0.01)


@pytest.mark.data
def test_no_lesion_is_in_two_parts(data: ModuleType, lesion_data: Path) -> None:
    parts = defaultdict(set)
    for row in data.read_rows(lesion_data):
        parts[row.lesion_id].add(row.part)
    assert {len(found) for found in parts.values()} == {1}
    assert set().union(*parts.values()) == {"train", "validation", "test"}
