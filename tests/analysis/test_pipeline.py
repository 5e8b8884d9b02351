"""The one way from a frame to an assessment: complete, reproducible, and honest about what it cannot say."""

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dermscan.analysis.pipeline import Stopwatch, assess
from dermscan.analysis.runtime import Models
from dermscan.domain import Assessment, DiagnosisCode, Frame, IndeterminateReason, RejectReason, RiskBand, Roi
from dermscan.settings import QualitySettings

MakeFrame = Callable[..., Frame]
Render = Callable[..., NDArray[np.uint8]]
LIMITS = QualitySettings()


def changed(models: Models, **limits: float) -> Models:
    """The same networks with other limits of the classifier."""
    classifier = models.manifest.classifier.model_copy(update=limits)
    manifest = models.manifest.model_copy(update={"classifier": classifier})
    return dataclasses.replace(models, manifest=manifest)


def same(one: Assessment, other: Assessment) -> bool:
    """Whether two assessments agree in everything."""
    if (one.mask is None) is not (other.mask is None):
        return False
    if one.mask is not None and other.mask is not None:
        alike = np.array_equal(one.mask.pixels, other.mask.pixels) and one.mask.confidence == other.mask.confidence
        if not alike:
            return False
    names = [field.name for field in dataclasses.fields(Assessment) if field.name != "mask"]
    return all(getattr(one, name) == getattr(other, name) for name in names)


def test_a_good_frame_is_assessed_completely(tiny_models: Models, make_frame: MakeFrame, render: Render) -> None:
    found = assess(make_frame(render(480, 640), mm_per_pixel=0.05), tiny_models, LIMITS)
    assert found.quality.reasons == ()
    assert found.roi is not None
    assert found.mask is not None
    assert found.features is not None
    assert found.features.diameter_mm == pytest.approx(256 * 0.05, rel=0.05)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.risk is not None
    assert found.pre_malignant == pytest.approx(100 * found.probabilities[DiagnosisCode.AK])
    assert found.reason is None
    assert found.band is not RiskBand.INDETERMINATE


def test_every_stage_is_timed_in_the_order_it_ran(tiny_models: Models, make_frame: MakeFrame, render: Render) -> None:
    watch = Stopwatch()
    assess(make_frame(render()), tiny_models, LIMITS, stopwatch=watch)
    assert list(watch.stages) == ["roi", "quality", "segment", "features", "classify"]
    assert all(milliseconds > 0 for milliseconds in watch.stages.values())


def test_bare_skin_has_no_lesion(tiny_models: Models, make_frame: MakeFrame, render: Render) -> None:
    watch = Stopwatch()
    found = assess(make_frame(render(axes=None)), tiny_models, LIMITS, stopwatch=watch)
    assert (found.band, found.reason) == (RiskBand.INDETERMINATE, IndeterminateReason.NO_LESION)
    assert (found.roi, found.mask, found.features, found.risk, found.pre_malignant) == (None,) * 5
    assert found.probabilities == {}
    assert found.quality.reasons == (RejectReason.NO_LESION,)
    assert list(watch.stages) == ["roi", "quality"]


def test_a_poor_frame_is_computed_but_not_judged(tiny_models: Models, make_frame: MakeFrame, render: Render) -> None:
    blurred = cv2.GaussianBlur(render(480, 640), (0, 0), 16)
    found = assess(make_frame(blurred), tiny_models, LIMITS)
    assert (found.band, found.reason) == (RiskBand.INDETERMINATE, IndeterminateReason.POOR_QUALITY)
    assert RejectReason.OUT_OF_FOCUS in found.quality.reasons
    assert found.mask is not None
    assert found.features is not None
    assert found.risk is not None


def test_poor_quality_is_named_before_a_missing_lesion(
    tiny_models: Models, make_frame: MakeFrame, render: Render
) -> None:
    flat = cv2.GaussianBlur(render(axes=None), (0, 0), 12)
    assert assess(make_frame(flat), tiny_models, LIMITS).reason is IndeterminateReason.POOR_QUALITY


def test_a_box_on_bare_skin_gives_an_implausible_mask(
    tiny_models: Models, make_frame: MakeFrame, render: Render
) -> None:
    pixels = render(480, 640, axes=None)
    pixels[40:60, 100:120] = 0
    found = assess(make_frame(pixels), tiny_models, LIMITS, roi=Roi(200, 150, 440, 330))
    assert (found.band, found.reason) == (RiskBand.INDETERMINATE, IndeterminateReason.IMPLAUSIBLE_MASK)
    assert found.roi == Roi(200, 150, 440, 330)
    assert (found.mask, found.features, found.risk, found.probabilities) == (None, None, None, {})


def test_a_mask_that_hardly_fills_its_box_is_implausible(
    tiny_models: Models, make_frame: MakeFrame, render: Render
) -> None:
    frame = make_frame(render(480, 640, axes=(0.06, 0.08)))
    found = assess(frame, tiny_models, LIMITS, roi=Roi(120, 60, 600, 420))
    assert found.reason is IndeterminateReason.IMPLAUSIBLE_MASK
    assert found.mask is not None
    assert found.features is not None
    assert found.risk is not None


def test_the_classifier_s_abstention_comes_last(tiny_models: Models, make_frame: MakeFrame, render: Render) -> None:
    frame = make_frame(render(480, 640))
    unfamiliar = assess(frame, changed(tiny_models, max_energy=-1e9), LIMITS)
    unsure = assess(frame, changed(tiny_models, min_confidence=1.0), LIMITS)
    assert unfamiliar.reason is IndeterminateReason.UNFAMILIAR
    assert unsure.reason is IndeterminateReason.LOW_CONFIDENCE
    assert unsure.risk is not None


def test_a_person_s_box_replaces_the_detector(tiny_models: Models, make_frame: MakeFrame, render: Render) -> None:
    pixels = render(480, 640, center=(0.3, 0.5), axes=(0.12, 0.15))
    cv2.circle(pixels, (540, 120), 30, (70, 40, 30), cv2.FILLED)
    own, drawn = (assess(make_frame(pixels), tiny_models, LIMITS, roi=box) for box in (None, Roi(500, 80, 580, 160)))
    assert own.mask is not None
    assert drawn.mask is not None
    assert own.mask.pixels[240, 192]
    assert drawn.mask.pixels[120, 540]
    assert not (own.mask.pixels & drawn.mask.pixels).any()


def test_the_box_that_was_found_gives_the_same_assessment_when_drawn(
    tiny_models: Models, make_frame: MakeFrame, render: Render
) -> None:
    frame = make_frame(render(480, 640))
    found = assess(frame, tiny_models, LIMITS)
    assert same(assess(frame, tiny_models, LIMITS, roi=found.roi), found)


def test_the_same_frame_gives_the_same_assessment(tiny_models: Models, make_frame: MakeFrame, render: Render) -> None:
    frame = make_frame(render())
    assert same(assess(frame, tiny_models, LIMITS), assess(frame, tiny_models, LIMITS))


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (64, 64), (33, 47)])
def test_a_frame_of_any_shape_is_answered(tiny_models: Models, make_frame: MakeFrame, shape: tuple[int, int]) -> None:
    for level in (0, 128, 255):
        found = assess(make_frame(np.full((*shape, 3), level)), tiny_models, LIMITS)
        assert found.reason is not None


def real_frames(folder: Path, make_frame: MakeFrame, number: int) -> list[tuple[Frame, NDArray[np.bool_]]]:
    with (folder / "lesions.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["folder"] == "isic2018"]
    found = []
    for row in rows[:: len(rows) // number]:
        picture, mask = cv2.imread(str(folder / row["image"])), cv2.imread(str(folder / row["mask"]), 0)
        assert picture is not None
        assert mask is not None
        found.append((make_frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)), np.asarray(mask > 0)))
    return found[:number]


@pytest.mark.data
def test_the_shipped_networks_outline_real_lesions_and_repeat_themselves(
    shipped_models: Models, lesion_data: Path, make_frame: MakeFrame
) -> None:
    dice = []
    for frame, truth in real_frames(lesion_data, make_frame, 6):
        first, again = (assess(frame, shipped_models, LIMITS) for _ in range(2))
        assert same(first, again)
        found = np.zeros_like(truth) if first.mask is None else first.mask.pixels
        dice.append(2 * np.count_nonzero(found & truth) / max(int(found.sum() + truth.sum()), 1))
    assert np.median(dice) > 0.85


def test_the_shipped_networks_see_no_lesion_in_a_plain_wall(shipped_models: Models, make_frame: MakeFrame) -> None:
    found = assess(make_frame(np.full((480, 640, 3), 180)), shipped_models, LIMITS)
    assert found.mask is None
    assert found.band is RiskBand.INDETERMINATE
