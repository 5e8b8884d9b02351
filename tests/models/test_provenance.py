"""Which licence weights have follows from what they learned from."""

from typing import Any

import pytest
import typer

from .conftest import House

COMMIT = "0123456789" * 4


@pytest.fixture
def provenance(drawing_house: House) -> Any:
    return drawing_house("provenance")


def test_a_set_that_is_not_there_is_one_sentence(drawing_house: House) -> None:
    data = drawing_house("data")
    assert data.named_sets("") == tuple(data.SOURCES)
    with pytest.raises(typer.BadParameter, match="there is no set ham2; there are ham224, ham200"):
        data.named_sets("isic2018,ham2")


def test_weights_that_saw_ham10000_are_not_for_commercial_use(provenance: Any) -> None:
    made = provenance.Origin(tuple(provenance.SOURCES), COMMIT).own("classifier")
    assert (made.licence, made.commit, made.script) == ("CC BY-NC 4.0", COMMIT, "models/train_classifier.py")
    assert made.data == "HAM10000, ISIC 2018 Task 1, PAD-UFES-20; ImageNet weights of EfficientNet-Lite0"


@pytest.mark.parametrize("one", ["ham224", "ham200"])
def test_one_set_of_ham10000_is_enough(provenance: Any, one: str) -> None:
    assert provenance.Origin(("isic2018", one), COMMIT).own("roi").licence == "CC BY-NC 4.0"


def test_weights_of_permissive_sets_may_be_used(provenance: Any) -> None:
    made = provenance.Origin(("isic2018", "clinical300", "clinical"), COMMIT).segmenter("medsam-edge")
    assert (made.licence, made.script) == ("CC BY 4.0", "models/train_student.py")
    assert "HAM10000" not in made.data


@pytest.mark.parametrize("family", ["medsam-lite", "medsam-vit-b"])
def test_a_reference_keeps_its_makers_licence(provenance: Any, family: str) -> None:
    made = provenance.Origin(("ham224",), COMMIT).segmenter(family)
    assert made.licence == "Apache-2.0"
    assert "Ma et al." in made.data
