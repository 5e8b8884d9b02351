"""The bundle that comes with the software holds what it says, and no more."""

import re
from pathlib import Path

import pytest

from dermscan.bundle.loading import MANIFEST_NAME, Bundle, load_bundle, shipped_folder
from dermscan.bundle.signing import SIGNATURE_NAME
from dermscan.domain import DiagnosisCode

CARD = "MODEL_CARD.md"


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle(shipped_folder())


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_it_is_at_most_25_megabytes(shipped: Bundle) -> None:
    assert sum(path.stat().st_size for path in files(shipped.folder)) <= 25_000_000


def test_every_file_is_named_by_the_manifest(shipped: Bundle) -> None:
    named = {file.path for file in shipped.manifest.files} | {MANIFEST_NAME, SIGNATURE_NAME, CARD}
    assert {path.relative_to(shipped.folder).as_posix() for path in files(shipped.folder)} == named


def test_it_answers_in_the_order_of_the_codes(shipped: Bundle) -> None:
    assert shipped.manifest.classifier.labels == tuple(DiagnosisCode)


def test_it_tests_itself_on_lesions_and_on_bare_skin(shipped: Bundle) -> None:
    outlined = [case.mask is not None for case in shipped.manifest.golden]
    assert outlined.count(True) >= 2
    assert outlined.count(False) >= 1


def test_each_model_says_where_it_comes_from_and_what_it_may_be_used_for(shipped: Bundle) -> None:
    licences = {part.role: part.licence for part in shipped.manifest.provenance}
    assert licences == {"roi": "CC BY-NC 4.0", "segmentation": "CC BY-NC 4.0", "classifier": "CC BY-NC 4.0"}


def test_the_card_leaves_nothing_open(shipped: Bundle) -> None:
    card = (shipped.folder / CARD).read_text(encoding="utf-8")
    assert not re.search(r"\$\w+|\bnan\b|TODO|Preview", card)
    assert "CC BY-NC 4.0" in card
