from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dermscan.bundle.golden import golden_results, prove
from dermscan.bundle.loading import load_bundle
from dermscan.domain import Assessment, DiagnosisCode, Frame, IndeterminateReason, LesionMask, Quality, RiskBand, Roi
from dermscan.errors import BundleCorrupt, BundleSelfTestFailed

Fields = dict[str, Any]
Write = Callable[[Fields], Path]


def assessor(mel: float = 0.3, columns: int = 6, *, blind: bool = False) -> Callable[[Frame], Assessment]:
    """An assessment by brightness: the dark golden picture has a lesion, the bright one has none."""

    def assess(frame: Frame) -> Assessment:
        quality = Quality(9, 0.5, 0, 0, 0.2)
        if blind or frame.pixels.mean() > 150:
            band, reason = RiskBand.INDETERMINATE, IndeterminateReason.NO_LESION
            return Assessment(quality, None, None, None, {}, None, None, band, reason)
        mask = np.zeros((frame.height, frame.width), np.bool_)
        mask[2:4, 2:columns] = True
        probabilities = dict.fromkeys(DiagnosisCode, 0.0)
        probabilities[DiagnosisCode.MEL], probabilities[DiagnosisCode.NV] = mel, 1 - mel
        lesion = LesionMask(mask, 0.9)
        return Assessment(quality, Roi(2, 2, 6, 4), lesion, None, probabilities, 30, 0, RiskBand.MODERATE, None)

    return assess


def test_the_results_of_old_pass(fields: Fields, write: Write) -> None:
    results = prove(load_bundle(write(fields)), assessor())
    assert [result.passed for result in results] == [True, True]
    assert [result.dice for result in results] == [1, 1]


@pytest.mark.parametrize("assess", [assessor(mel=0.4), assessor(columns=5), assessor(blind=True)])
def test_other_results_fail(fields: Fields, write: Write, assess: Callable[[Frame], Assessment]) -> None:
    with pytest.raises(BundleSelfTestFailed, match="1 of 2 golden cases"):
        prove(load_bundle(write(fields)), assess)


def test_a_lesion_found_on_bare_skin_fails(fields: Fields, write: Write) -> None:
    bundle = load_bundle(write(fields))
    always = assessor()
    dark = Frame(np.zeros((6, 8, 3), np.uint8), 0, 0.0, datetime.now(UTC))
    results = golden_results(bundle, lambda _frame: always(dark))
    assert [result.passed for result in results] == [True, False]


def test_a_bundle_without_golden_cases_proves_nothing(fields: Fields, write: Write) -> None:
    fields["golden"] = []
    with pytest.raises(BundleCorrupt, match="no golden case"):
        prove(load_bundle(write(fields)), assessor())
