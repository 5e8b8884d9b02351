"""What the courses are fed: pictures and masks that are moved together, drawn the same from the same seed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import House

SIDE = 64
SEEDS = st.integers(0, 2**32 - 1)
Bytes = NDArray[np.uint8]


def blob(side: int = SIDE) -> tuple[Bytes, Bytes]:
    """A dark disc on light skin, and its mask."""
    rows, columns = np.mgrid[:side, :side]
    mask = ((rows - side / 2) ** 2 + (columns - side / 2) ** 2 < (side / 5) ** 2).astype(np.uint8) * 255
    picture = np.where(mask[..., None] > 0, (90, 60, 50), (220, 180, 160)).astype(np.uint8)
    return picture, mask


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_a_mask_lies_on_its_lesion_however_the_picture_is_turned(drawing_house: House, seed: int) -> None:
    augment, (picture, mask) = drawing_house("augment"), blob()
    random = np.random.default_rng(seed)
    matrix = augment.turning(random, SIDE, float(random.uniform(0.6, 1.5)), 0.1, 0.3)
    turned, lit = augment.moved(picture, matrix), augment.moved(mask, matrix) > 127
    dark = turned.mean(axis=2) < 130
    assert np.count_nonzero(dark ^ lit) <= 0.02 * dark.size


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_what_changes_a_picture_keeps_its_form_and_follows_the_seed(drawing_house: House, seed: int) -> None:
    augment, (picture, _) = drawing_house("augment"), blob()
    once, again = (augment.on_skin(picture.copy(), np.random.default_rng(seed)) for _ in range(2))
    assert (once.shape, once.dtype) == (picture.shape, np.uint8)
    np.testing.assert_array_equal(once, again)


def test_nothing_is_changed_outside_of_training(drawing_house: House) -> None:
    picture, _ = blob()
    same = drawing_house("augment").on_skin(picture, np.random.default_rng(0), training=False)
    np.testing.assert_array_equal(same, picture)


def test_colour_constancy_takes_the_colour_of_the_light_away(drawing_house: House) -> None:
    picture, _ = blob()
    tinted = (picture * np.array([1.0, 0.8, 0.6])).astype(np.uint8)
    evened = drawing_house("augment").evened(tinted).astype(float)
    norms = (evened**6).mean(axis=(0, 1)) ** (1 / 6)
    assert np.ptp(norms) / norms.mean() < 0.02


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_a_rendered_lesion_is_where_its_mask_says(drawing_house: House, seed: int) -> None:
    picture, mask = drawing_house("skin").rendered_lesion(np.random.default_rng(seed), 96)
    assert set(np.unique(mask)) <= {0, 255}
    assert mask.any()
    inside, outside = (picture[where].mean() for where in (mask > 0, mask == 0))
    assert inside < outside


def framed(mask: Bytes, picture: Bytes) -> Any:
    return np.dstack([picture, mask])


def test_a_bare_patch_never_shows_a_part_of_the_lesion(drawing_house: House) -> None:
    picture, mask = blob()
    for seed in range(40):
        patch = drawing_house("skin").bare_patch(framed(mask, picture), np.random.default_rng(seed))
        assert patch is None or patch.min() >= 150


def test_a_frame_that_is_all_lesion_has_no_bare_patch(drawing_house: House) -> None:
    picture, mask = blob()
    everywhere = np.full_like(mask, 255)
    assert drawing_house("skin").bare_patch(framed(everywhere, picture), np.random.default_rng(0)) is None


def test_a_healed_frame_shows_skin_where_the_lesion_was(drawing_house: House) -> None:
    picture, mask = blob()
    healed = drawing_house("skin").healed(framed(mask, picture))
    middle = healed[SIDE // 2 - 4 : SIDE // 2 + 4, SIDE // 2 - 4 : SIDE // 2 + 4]
    assert middle.mean() == pytest.approx(picture[:8, :8].mean(), abs=12)


@pytest.mark.parametrize("sets", ["", "isic2018", "isic2018,clinical300"])
def test_a_course_learns_from_the_named_sets_alone(drawing_house: House, sets: str) -> None:
    data = drawing_house("data")
    rows = [type("Row", (), {"folder": name})() for name in ("isic2018", "ham224", "clinical300")]
    wanted = sets.split(",") if sets else ["isic2018", "ham224", "clinical300"]
    assert [row.folder for row in data.of_sets(rows, sets)] == wanted
