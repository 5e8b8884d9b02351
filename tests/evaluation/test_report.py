import csv
import io
from pathlib import Path

import cv2
import numpy as np
import pytest

from dermscan.domain import (
    Assessment,
    DiagnosisCode,
    IndeterminateReason,
    LesionMask,
    Quality,
    RiskBand,
    Roi,
)
from dermscan.errors import OutputError
from dermscan.evaluation.figures import Figures
from dermscan.evaluation.judging import Judgement
from dermscan.evaluation.report import (
    ROW_COLUMNS,
    STAGES,
    Tally,
    mask_picture,
    write_header,
    write_mask,
    write_row,
)
from dermscan.evaluation.table import LabelledImage

SHAPE = (6, 8)


def judgement(name: str, dx: DiagnosisCode | None, *, found: bool, decided: bool = True) -> Judgement:
    image = LabelledImage(name, Path(name), Path("mask"), dx, "TEST")
    quality = Quality(9, 0.5, 0, 0, 0.2)
    stages = dict.fromkeys(STAGES, 2.0)
    if not found:
        reason = IndeterminateReason.NO_LESION
        nothing = Assessment(quality, None, None, None, {}, None, None, RiskBand.INDETERMINATE, reason)
        return Judgement(image, nothing, 0.9, 0.0, stages, SHAPE)
    mask = np.zeros(SHAPE, np.bool_)
    mask[1:4, 2:6] = True
    probabilities = dict.fromkeys(DiagnosisCode, 0.0) | {DiagnosisCode.MEL: 0.8, DiagnosisCode.NV: 0.2}
    band, reason_or_none = (
        (RiskBand.HIGH, None) if decided else (RiskBand.INDETERMINATE, IndeterminateReason.LOW_CONFIDENCE)
    )
    roi = Roi(2, 1, 6, 4, 0.9)
    seen = Assessment(quality, roi, LesionMask(mask, 0.9), None, probabilities, 80.0, 0.0, band, reason_or_none)
    return Judgement(image, seen, 0.95, 0.85, stages, SHAPE)


def test_a_report_counts_what_it_was_given() -> None:
    tally = Tally()
    tally.add(Figures.of(judgement("a", DiagnosisCode.MEL, found=True)))
    tally.add(Figures.of(judgement("b", DiagnosisCode.NV, found=True, decided=False)))
    tally.add(Figures.of(judgement("c", DiagnosisCode.NV, found=False)))
    tally.add(Figures.of(judgement("d", None, found=True)))
    report = tally.report()
    assert report["images"] == 4
    assert report["without_roi"] == 1
    assert report["share_indeterminate"] == 0.5
    assert report["indeterminate"] == {"low_confidence": 1, "no_lesion": 1}
    automatic = report["automatic_box"]
    assert isinstance(automatic, dict)
    assert automatic["dice"] == pytest.approx((0.85 * 3 + 0) / 4)
    classes, decided = report["classification"], report["classification_decided"]
    assert isinstance(classes, dict)
    assert isinstance(decided, dict)
    assert (classes["images"], decided["images"]) == (2, 1)
    assert decided["balanced_accuracy"] == 1
    assert classes["balanced_accuracy"] == 0.5


def test_a_report_of_nothing_leaves_the_figures_out() -> None:
    report = Tally().report()
    assert report["automatic_box"] is None
    assert report["classification"] is None
    assert report["milliseconds"] == dict.fromkeys(STAGES)


def test_a_row_has_its_columns_and_leaves_empty_what_there_is_not() -> None:
    stream = io.StringIO()
    write_header(stream)
    write_row(stream, Figures.of(judgement("a", DiagnosisCode.MEL, found=True)))
    write_row(stream, Figures.of(judgement("c", None, found=False)))
    stream.seek(0)
    found, lost = csv.DictReader(stream)
    assert tuple(found) == ROW_COLUMNS
    assert found["image_id"] == "a"
    assert (float(found["x0"]), float(found["y1"])) == (2, 4)
    assert float(found["p_MEL"]) == 0.8
    assert (float(found["risk"]), found["band"], found["reason"]) == (80, "high", "")
    assert float(found["ms_total"]) == 2
    assert (lost["x0"], lost["p_MEL"], lost["risk"]) == ("", "", "")
    assert (lost["band"], lost["reason"], float(lost["dice_auto_box"])) == ("indeterminate", "no_lesion", 0)


@pytest.mark.parametrize("found", [True, False])
def test_a_mask_is_written_at_the_pictures_own_size(tmp_path: Path, *, found: bool) -> None:
    write_mask(tmp_path, "a", mask_picture(judgement("a", None, found=found)))
    mask = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    assert mask.shape == SHAPE
    assert set(np.unique(mask)) == ({0, 255} if found else {0})
    assert np.count_nonzero(mask) == (12 if found else 0)


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        write_mask(tmp_path / "nowhere", "a", b"")
