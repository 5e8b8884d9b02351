"""Lays a follow-up over its baseline by the texture they share, by OpenCV's own estimators. It changes no picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from dermscan.domain.evolution import RegistrationBasis
from dermscan.history.evolution.outline import by_outline
from dermscan.history.evolution.texture import GUIDED_REACH, Pairs, Points, alike, guided, texture
from dermscan.history.evolution.view import FloatArray, View

SKIN_MARGINS = (0.4, 0.2, 0.08)
"""Equivalent diameters that a point keeps away from the lesion to tell the scale; the farthest that will do is taken,
because a growing lesion pushes aside what is near."""
REACH = 0.006
"""Distance, as a share of the longer side, within which a pair agrees with a registration."""
MIN_PAIRS = 12
"""Least pairs that agree; fewer are found by chance in unrelated skin."""
MIN_SPREAD = 0.2
"""Least spread of the points across their longest direction, as a share of the spread along it."""
SURE_PAIRS = 40
"""Pairs that agree beyond doubt, whatever the correlation: noise and compression leave little of that."""
EXACTLY, ROUGHLY = (MIN_PAIRS, 0.008, 0.0035), (6, 0.03, 2 * REACH)
"""To tell the scale, and to find the place: least pairs of the skin, greatest standard error of the scale as a share
(the area's is twice as large), and greatest residual as a share of the longer side, since skin that a growth has pushed
aside agrees with no similarity well."""
MIN_CORRELATION = 0.25
"""Least correlation of the detail of two registered pictures; unrelated ones have about 0."""
DETAIL = 0.02
"""Sigma, as a share of the longer side, above which brightness is light and form, not detail."""


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """A registration at working size.

    Attributes:
        basis: What it rests on.
        matrix: (2, 3) float64, follow-up to baseline, working pixels.
        scale_error: Standard error of the scale as a share; None when the scale does not come from the skin.
        matches: Pairs of points that agree.
        residual: Root mean square distance of the pairs in working pixels.
        correlation: Correlation of the detail, -1 to 1.
    """

    basis: RegistrationBasis
    matrix: Points
    scale_error: float | None
    matches: int
    residual: float
    correlation: float

    @property
    def scale(self) -> float:
        """Baseline pixels a follow-up pixel."""
        return float(np.sqrt(np.linalg.det(self.matrix[:, :2])))


def register(baseline: View, follow_up: View, scale: float | None) -> Overlay | None:
    """Lay a follow-up over its baseline.

    SIFT points are paired and a similarity is fitted by RANSAC (Fischler and Bolles 1981), twice: all points find the
    place, then the points of the skin alone find the scale, since a growing lesion carries its own points with it.
    Without enough texture the outlines are laid over each other, refined by ECC (Evangelidis and Psarakis 2008).

    Args:
        baseline: The earlier scan.
        follow_up: The later scan.
        scale: Baseline pixels a follow-up pixel as the calibrations tell; None when a scan is not calibrated.

    Returns:
        None when nothing shows that both are pictures of the same site.
    """
    found = _by_texture(baseline, follow_up)
    if found is not None:
        return found
    outlined = by_outline(baseline, follow_up, scale)
    if outlined is None:
        return None
    correlation = detail_correlation(baseline, follow_up, outlined)
    if correlation < MIN_CORRELATION:
        return None
    return Overlay(RegistrationBasis.CONTOUR, outlined, None, 0, 0.0, correlation)


def _by_texture(baseline: View, follow_up: View) -> Overlay | None:
    there, here = texture(baseline), texture(follow_up)
    side = max(baseline.size)
    reach = REACH * side
    alikes = alike(here, there)
    first = _by_skin(alikes, 2 * reach, ROUGHLY, side) or _fit(alikes, 2 * reach)
    if first is None:
        return None
    pairs = guided(here, there, first[0], GUIDED_REACH * side)
    skin = _by_skin(pairs, reach, EXACTLY, side)
    best = skin or _fit(pairs, reach)
    if best is None or len(best[1]) < MIN_PAIRS or not _spread(best[1]):
        return None
    correlation = detail_correlation(baseline, follow_up, best[0])
    if len(best[1]) < SURE_PAIRS and correlation < MIN_CORRELATION:
        return None
    basis = RegistrationBasis.LESION if skin is None else RegistrationBasis.SKIN
    error = None if skin is None else _scale_error(*skin)
    return Overlay(basis, best[0], error, len(best[1]), _residual(*best), correlation)


def _by_skin(pairs: Pairs, reach: float, demanded: tuple[int, float, float], side: int) -> tuple[Points, Pairs] | None:
    """The fit on the points of the skin alone, None when they do not tell the scale well enough."""
    least, error, residual = demanded
    for margin in SKIN_MARGINS:
        found = _fit(pairs.chosen(pairs.away >= margin), reach)
        if found is None or len(found[1]) < least or not _spread(found[1]):
            continue
        if _scale_error(*found) <= error and _residual(*found) <= residual * side:
            return found
    return None


def _fit(pairs: Pairs, reach: float) -> tuple[Points, Pairs] | None:
    """The similarity on which most pairs agree within a distance, and those pairs; None when hardly any do."""
    if len(pairs) < 4:
        return None
    cv2.setRNGSeed(0)
    matrix, agreeing = cv2.estimateAffinePartial2D(
        pairs.follow_up, pairs.baseline, method=cv2.RANSAC, ransacReprojThreshold=reach, maxIters=5000, confidence=0.999
    )
    if matrix is None or not np.isfinite(matrix).all() or agreeing.sum() < 4:
        return None
    return np.asarray(matrix, np.float64), pairs.chosen(agreeing[:, 0] > 0)


def _spread(pairs: Pairs) -> bool:
    """Whether the points lie all over rather than in a row, as the marks of a ruler do."""
    along, across = np.linalg.svd(pairs.baseline - pairs.baseline.mean(axis=0), compute_uv=False)
    return bool(across >= MIN_SPREAD * along)


def _residual(matrix: Points, pairs: Pairs) -> float:
    apart = pairs.follow_up @ matrix[:, :2].T + matrix[:, 2] - pairs.baseline
    return float(np.sqrt((apart**2).sum(axis=1).mean()))


def _scale_error(matrix: Points, pairs: Pairs) -> float:
    """Standard error of the scale as a share of it, as of a slope: residual over the points' spread (least squares)."""
    spread = np.sqrt(((pairs.baseline - pairs.baseline.mean(axis=0)) ** 2).sum())
    return _residual(matrix, pairs) / max(float(spread), 1e-6)


def detail_correlation(baseline: View, follow_up: View, matrix: Points) -> float:
    """Correlate the detail of two registered pictures where both are seen, -1 to 1; 0 where they hardly overlap."""
    moved = cv2.warpAffine(_detail(follow_up), matrix, baseline.size, flags=cv2.INTER_LINEAR)
    seen = cv2.warpAffine(follow_up.seen.astype(np.uint8), matrix, baseline.size, flags=cv2.INTER_NEAREST) > 0
    common = seen & baseline.seen
    if common.sum() < 0.2 * common.size:
        return 0.0
    first, second = _detail(baseline)[common], np.asarray(moved, np.float32)[common]
    spread = float(first.std() * second.std())
    return float(((first - first.mean()) * (second - second.mean())).mean()) / max(spread, 1e-9)


def _detail(view: View) -> FloatArray:
    """(h, w) float32: log brightness without what is broader than `DETAIL` and finer than a few pixels.

    Only what is seen is averaged: the edge of a dermatoscope's dark rim would outweigh everything within.
    """
    light = np.log1p(cv2.cvtColor(view.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32))
    seen, sigma = view.seen.astype(np.float32), DETAIL * max(view.size)

    def averaged(over: float) -> FloatArray:
        weight = cv2.GaussianBlur(seen, (0, 0), over)
        return np.asarray(cv2.GaussianBlur(light * seen, (0, 0), over) / np.maximum(weight, 1e-3), np.float32)

    return averaged(max(sigma / 6, 0.7)) - averaged(sigma)
