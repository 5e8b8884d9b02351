"""The golden self-test: the bundle's own phantoms must give the results they gave when the bundle was made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from dermscan.bundle.loading import Bundle
from dermscan.bundle.manifest import BundleFile, GoldenCase
from dermscan.domain import Assessment, Frame, LesionMask
from dermscan.errors import BundleCorrupt, BundleSelfTestFailed

Assess = Callable[[Frame], Assessment]


@dataclass(frozen=True, slots=True)
class GoldenResult:
    """How one golden case went.

    Attributes:
        name: The case's picture inside the bundle.
        dice: Overlap of the mask with the golden one; 1 where both say "no lesion".
        difference: Greatest difference of a probability from the golden one.
        passed: Whether both lie within the case's limits.
    """

    name: str
    dice: float
    difference: float
    passed: bool


def golden_results(bundle: Bundle, assess: Assess) -> tuple[GoldenResult, ...]:
    """Run every golden case of a bundle through the pipeline.

    Raises:
        BundleCorrupt: The bundle has no golden case, or a picture of one cannot be decoded.
    """
    if not bundle.manifest.golden:
        raise BundleCorrupt(problem="it holds no golden case to test itself by")
    return tuple(_run(bundle, case, assess) for case in bundle.manifest.golden)


def prove(bundle: Bundle, assess: Assess) -> tuple[GoldenResult, ...]:
    """Run the golden cases and insist that they pass.

    Raises:
        BundleCorrupt: See `golden_results`.
        BundleSelfTestFailed: A case gives another result than when the bundle was made.
    """
    results = golden_results(bundle, assess)
    failed = sum(not result.passed for result in results)
    if failed:
        raise BundleSelfTestFailed(problem=f"{failed} of {len(results)} golden cases differ")
    return results


def golden_frames(bundle: Bundle) -> Iterator[Frame]:
    """The pictures of the golden cases, one after the other.

    Raises:
        BundleCorrupt: A picture cannot be decoded.
    """
    for case in bundle.manifest.golden:
        yield _frame(bundle, case)


def _frame(bundle: Bundle, case: GoldenCase) -> Frame:
    pixels = cv2.cvtColor(_picture(bundle, case.image, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return Frame(pixels.astype(np.uint8, copy=False), sequence=0, monotonic_s=0.0, taken_at=datetime.now(UTC))


def _run(bundle: Bundle, case: GoldenCase, assess: Assess) -> GoldenResult:
    assessment = assess(_frame(bundle, case))
    golden = None if case.mask is None else _picture(bundle, case.mask, cv2.IMREAD_GRAYSCALE) > 0
    dice = _dice(assessment.mask, golden)
    difference = _difference(tuple(assessment.probabilities.values()), case.probabilities)
    return GoldenResult(case.image.path, dice, difference, dice >= case.min_dice and difference <= case.tolerance)


def _picture(bundle: Bundle, file: BundleFile, flags: int) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.fromfile(bundle.path(file), np.uint8), flags)
    if picture is None:
        raise BundleCorrupt(problem=f"{file.path} is no picture")
    return picture.astype(np.uint8, copy=False)


def _dice(mask: LesionMask | None, golden: NDArray[np.bool_] | None) -> float:
    if mask is None or golden is None:
        return 1.0 if mask is None and golden is None else 0.0
    if mask.pixels.shape != golden.shape:
        return 0.0
    overlap = int(np.count_nonzero(mask.pixels & golden))
    return 2 * overlap / max(mask.area_px + int(np.count_nonzero(golden)), 1)


def _difference(found: tuple[float, ...], golden: tuple[float, ...]) -> float:
    if len(found) != len(golden):
        return 1.0
    return max((abs(one - other) for one, other in zip(found, golden, strict=True)), default=0.0)
