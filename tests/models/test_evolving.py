"""The simulated visits are what they say they are, or nothing that is judged on them is worth anything."""

import importlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

HOUSE = Path(__file__).parents[2] / "models"
SIDE = 200
Lesion = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def evolving(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(HOUSE))
    return importlib.import_module("evolving")


@pytest.fixture
def lesion() -> Lesion:
    pixels = np.full((SIDE, SIDE, 3), (220, 180, 160), np.uint8)
    mask = cv2.ellipse(np.zeros((SIDE, SIDE), np.uint8), (96, 104), (34, 26), 30, 0, 360, 1, cv2.FILLED) > 0
    pixels[mask] = (120, 80, 60)
    return pixels, mask


@pytest.mark.parametrize("growth", [0.0, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("one_sided", [False, True])
def test_the_true_growth_is_the_one_asked_for(
    evolving: Any,
    lesion: Lesion,
    growth: float,
    one_sided: bool,  # noqa: FBT001
) -> None:
    seen = evolving.visit(*lesion, evolving.Change(growth=growth, one_sided=one_sided), np.random.default_rng(3))
    assert seen.growth == pytest.approx(growth, abs=0.02)


def test_a_rim_that_grows_over_the_skin_grows_as_much_and_leaves_core_and_skin(evolving: Any, lesion: Lesion) -> None:
    change = evolving.Change(growth=0.25, over_skin=True)
    assert evolving.visit(*lesion, change, np.random.default_rng(3)).growth == pytest.approx(0.25, abs=0.04)
    pixels, mask = lesion
    speckled = np.asarray(pixels + np.random.default_rng(1).normal(0, 9, pixels.shape), np.float32)
    drawn, grown = evolving._grown_over_skin(speckled, mask, 0.25)
    away = cv2.distanceTransform((~grown).astype(np.uint8), cv2.DIST_L2, 5)
    core = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) > 16
    np.testing.assert_allclose(drawn[away > 8], speckled[away > 8], atol=0.01)
    np.testing.assert_allclose(drawn[core], speckled[core], atol=0.5)
    rim = grown & ~mask
    assert np.abs(drawn[rim].mean(axis=0) - (120, 80, 60)).max() < 25, "the rim is of the lesion's colour"


def test_the_matrix_lays_an_unchanged_visit_on_the_baseline(evolving: Any, lesion: Lesion) -> None:
    seen = evolving.visit(*lesion, evolving.Change(), np.random.default_rng(4))
    back = cv2.warpAffine(seen.mask.astype(np.uint8), seen.matrix, (SIDE, SIDE)) > 0
    assert 2 * (back & lesion[1]).sum() / (back.sum() + lesion[1].sum()) > 0.97
    assert np.sqrt(np.linalg.det(seen.matrix[:, :2])) == pytest.approx(seen.scale)


def test_the_mask_lies_on_the_dark_pixels_of_the_grown_lesion(evolving: Any, lesion: Lesion) -> None:
    seen = evolving.visit(*lesion, evolving.Change(growth=0.5), np.random.default_rng(5))
    gray = seen.pixels.mean(axis=2)
    dark = (gray < 150) & (gray > 30)
    assert 2 * (dark & seen.mask).sum() / (dark.sum() + seen.mask.sum()) > 0.93


def test_darkening_and_spots_darken(evolving: Any, lesion: Lesion) -> None:
    plain, darker, spotted = (
        evolving.visit(*lesion, change, np.random.default_rng(6))
        for change in (evolving.Change(), evolving.Change(darkening=0.25), evolving.Change(spot=0.45))
    )
    assert darker.pixels[darker.mask].mean() < 0.9 * plain.pixels[plain.mask].mean()
    contrasts = []
    for seen in (plain, spotted):
        inside = cv2.erode(seen.mask.astype(np.uint8), np.ones((15, 15))) > 0
        reds = np.asarray(cv2.GaussianBlur(seen.pixels, (0, 0), 2))[..., 0][inside]
        contrasts.append(np.percentile(reds, 3) / np.median(reds))
    assert contrasts[1] < 0.8 < contrasts[0]


def test_the_same_seed_gives_the_same_visit(evolving: Any, lesion: Lesion) -> None:
    one, two = (evolving.visit(*lesion, evolving.Change(growth=0.25), np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one.pixels, two.pixels)
    assert np.array_equal(
        evolving.as_taken(lesion[0], np.random.default_rng(1)), evolving.as_taken(lesion[0], np.random.default_rng(1))
    )
