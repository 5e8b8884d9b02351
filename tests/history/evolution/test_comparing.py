"""Two visits to one lesion, drawn so that the truth is known."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from dermscan.domain import Assessment, Frame, LesionFeatures, LesionMask, Scan
from dermscan.domain.evolution import ChangeBand, ChangeReason, FollowUpWindow, RegistrationBasis
from dermscan.history.evolution import compare
from dermscan.history.evolution.registration import detail_correlation
from dermscan.history.evolution.view import view

Draw = Callable[[Any], Scan]
ELSEWHERE = {"turn_deg": 23.0, "zoom": 1.12, "shift": (9.0, -6.0), "light": (0.9, 0.86, 0.8), "days": 91, "noise": 1}


def test_the_same_scan_twice_is_no_change(spot: Any, drawn: Draw) -> None:
    scan = drawn(spot())
    found = compare(scan, scan)
    assert found.band is ChangeBand.NONE
    assert found.reasons == (ChangeReason.SHORT_INTERVAL,), "no time has passed, so nothing is proven"
    assert found.growth is not None
    assert found.growth.area == pytest.approx(0, abs=1e-3)
    assert found.growth.area_month is None
    assert found.contour is not None
    assert found.contour.dice > 0.995
    assert found.color is not None
    assert found.color.overall < 0.1


def test_another_view_in_another_light_is_no_change(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), drawn(spot(**ELSEWHERE)))
    assert found.band is ChangeBand.NONE, found.reasons
    assert found.reasons == ()
    assert found.window is FollowUpWindow.SHORT_TERM
    assert found.growth is not None
    assert abs(found.growth.area) < 0.02
    assert found.contour is not None
    assert found.contour.dice > 0.97


def test_the_registration_tells_turn_and_scale(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), drawn(spot(**ELSEWHERE))).registration
    assert found is not None
    assert found.basis is RegistrationBasis.SKIN
    assert found.rotation_deg == pytest.approx(-23, abs=0.5)
    assert found.scale == pytest.approx(1 / 1.12, rel=0.006)
    assert found.scale_error is not None
    assert found.scale_error < 0.008
    corner = np.array(found.matrix) @ np.array([200 + 9.0, 160 - 6.0, 1])
    assert corner == pytest.approx([200, 160], abs=1.5), "the canvas's middle is where it was"


@pytest.mark.parametrize("area", [1.25, 1.5, 0.75])
def test_growth_and_shrinkage_are_measured(spot: Any, drawn: Draw, area: float) -> None:
    found = compare(drawn(spot()), drawn(spot(area=area, **ELSEWHERE)))
    assert found.growth is not None
    assert found.growth.area == pytest.approx(area - 1, abs=0.03)
    assert found.growth.diameter == pytest.approx(np.sqrt(area) - 1, abs=0.03)
    assert found.growth.area_month == pytest.approx(found.growth.area * 30.4375 / 91)
    assert found.growth.area_mm2 is None
    assert found.band is ChangeBand.CHANGED
    expected = ChangeReason.SYMMETRIC_ENLARGEMENT if area > 1 else ChangeReason.SHRINKAGE
    assert expected in found.reasons


def test_a_growth_of_the_lesion_is_no_zoom(spot: Any, drawn: Draw) -> None:
    """The lesion fills as many pixels as before, since the camera is farther away: the skin tells."""
    found = compare(drawn(spot()), drawn(spot(area=1.3, zoom=1 / np.sqrt(1.3), days=91)))
    assert found.growth is not None
    assert found.growth.area == pytest.approx(0.3, abs=0.03)


def test_growth_on_one_side_is_told_from_growth_all_around(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), drawn(spot(area=1.3, aside=14.0, **ELSEWHERE)))
    assert ChangeReason.ASYMMETRIC_ENLARGEMENT in found.reasons


def test_calibrated_scans_are_measured_in_millimetres(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot(calibrated=True)), drawn(spot(area=1.25, calibrated=True, **ELSEWHERE)))
    true_area = np.pi * 62 * 48 / 20**2
    assert found.growth is not None
    assert found.growth.area_mm2 == pytest.approx(0.25 * true_area, rel=0.1)
    assert found.growth.diameter_mm == pytest.approx((np.sqrt(1.25) - 1) * 124 / 20, rel=0.15)
    assert found.contour is not None
    assert found.contour.hausdorff_mm == pytest.approx((np.sqrt(1.25) - 1) * 62 / 20, rel=0.4)


def test_a_calibration_that_contradicts_the_skin_is_refused(spot: Any, drawn: Draw) -> None:
    first, second = drawn(spot(calibrated=True)), drawn(spot(calibrated=True, **ELSEWHERE))
    frame = Frame(second.frame.pixels, 0, 0.0, second.taken_at, 1.2 * (second.frame.mm_per_pixel or 0))
    found = compare(first, replace(second, frame=frame))
    assert (found.band, found.reasons) == (ChangeBand.NOT_COMPARABLE, (ChangeReason.DIFFERENT_MAGNIFICATION,))


def test_a_new_spot_is_a_focal_change_and_lies_on_the_map(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), drawn(spot(dot=True, **ELSEWHERE)))
    assert found.band is ChangeBand.CHANGED
    assert found.reasons == (ChangeReason.FOCAL_CHANGE,)
    assert found.color is not None
    row, column = np.unravel_index(found.color.change_map.argmax(), found.color.change_map.shape)
    assert abs(row - 160) <= 16
    assert abs(column - 218) <= 16


def test_an_overall_darkening_is_to_watch(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), drawn(spot(darkness=0.62, **ELSEWHERE)))
    assert (found.band, found.reasons) == (ChangeBand.WATCH, (ChangeReason.OVERALL_COLOR,))
    assert found.color is not None
    assert found.color.lightness < -3


@pytest.mark.parametrize("nothing", ["baseline", "follow_up"])
def test_a_scan_without_a_mask_is_not_comparable(spot: Any, drawn: Draw, nothing: str) -> None:
    scans = {"baseline": drawn(spot()), "follow_up": drawn(spot(days=91))}
    found = compare(**scans | {nothing: drawn(spot(masked=False))})
    assert (found.band, found.reasons) == (ChangeBand.NOT_COMPARABLE, (ChangeReason.NO_MASK,))
    assert found.registration is None


def test_other_skin_is_another_site(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), drawn(spot(skin=2, **ELSEWHERE)))
    assert found.band is ChangeBand.NOT_COMPARABLE
    assert found.growth is None


def test_a_far_stronger_magnification_is_refused(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot(area=0.3, zoom=0.9)), drawn(spot(area=0.3, zoom=2.0, days=91)))
    assert found.band is ChangeBand.NOT_COMPARABLE


def test_a_tinted_light_is_refused(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), drawn(spot(light=(1.0, 0.7, 0.45), days=91)))
    assert (found.band, found.reasons) == (ChangeBand.NOT_COMPARABLE, (ChangeReason.DIFFERENT_LIGHT,))
    assert found.color is None
    assert found.growth is not None, "the size can be told all the same"


def test_a_growth_in_a_tinted_light_is_told_with_both_reasons(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), drawn(spot(area=1.4, light=(1.0, 0.7, 0.45), days=91)))
    assert found.band is ChangeBand.CHANGED
    assert found.reasons == (ChangeReason.DIFFERENT_LIGHT, ChangeReason.SYMMETRIC_ENLARGEMENT)


def test_the_marks_of_a_ruler_are_not_taken_for_skin(spot: Any, drawn: Draw) -> None:
    def with_ruler(scan: Scan) -> Scan:
        pixels = scan.frame.pixels.copy()
        random = np.random.default_rng(3)
        pixels[296:312] = 255 - 90 * random.integers(0, 3, (1, 400, 1)).astype(np.uint8)
        return replace(scan, frame=Frame(pixels, 0, 0.0, scan.taken_at))

    found = compare(with_ruler(drawn(spot())), with_ruler(drawn(spot(skin=2, **ELSEWHERE))))
    assert found.band is ChangeBand.NOT_COMPARABLE
    assert found.growth is None


def test_a_lesion_cut_off_by_the_frame_is_refused(spot: Any, drawn: Draw) -> None:
    found = compare(drawn(spot()), drawn(spot(shift=(150.0, 0.0), days=91)))
    assert found.reasons == (ChangeReason.CUT_OFF,)


def test_skin_without_texture_gives_no_growth_unless_calibrated(spot: Any, drawn: Draw) -> None:
    def smooth(scan: Scan) -> Scan:
        mask = scan.assessment.mask
        assert mask is not None
        pixels = np.where(mask.pixels[..., None], scan.frame.pixels, np.uint8(190))
        frame = Frame(pixels.astype(np.uint8), 0, 0.0, scan.taken_at, scan.frame.mm_per_pixel)
        return replace(scan, frame=frame)

    bare = compare(smooth(drawn(spot())), smooth(drawn(spot(area=1.25, days=91))))
    assert bare.band is ChangeBand.NOT_COMPARABLE
    assert bare.growth is None


def test_changes_of_the_measured_features_are_told(spot: Any, drawn: Draw) -> None:
    def measured(scan: Scan, asymmetry: float, colors: int) -> Scan:
        features = LesionFeatures(1, asymmetry, 3, 1.2, colors, 60.0, None, 3000, 3.0, 5.0)
        said = scan.assessment
        kept = Assessment(said.quality, None, said.mask, features, {}, None, None, said.band, None)
        return replace(scan, assessment=kept)

    first, second = measured(drawn(spot()), 0.1, 2), measured(drawn(spot(dot=True, **ELSEWHERE)), 0.25, 3)
    found = compare(first, second)
    assert found.contour is not None
    assert found.contour.asymmetry == pytest.approx(0.15)
    assert found.contour.border == 0
    assert found.reasons == (ChangeReason.FOCAL_CHANGE, ChangeReason.NEW_COLOR)


def test_the_answer_is_the_same_every_time_and_nothing_is_changed(spot: Any, drawn: Draw) -> None:
    first, second = drawn(spot()), drawn(spot(area=1.2, **ELSEWHERE))
    before = first.frame.pixels.copy(), second.frame.pixels.copy()
    one, two = compare(first, second), compare(first, second)
    assert (one.growth, one.contour, one.registration) == (two.growth, two.contour, two.registration)
    assert np.array_equal(before[0], first.frame.pixels)
    assert np.array_equal(before[1], second.frame.pixels)


def test_a_larger_frame_is_reduced_and_answers_in_its_own_pixels(spot: Any, drawn: Draw) -> None:
    second = drawn(spot(**ELSEWHERE))
    mask = second.assessment.mask
    assert mask is not None
    large = Frame(second.frame.pixels.repeat(3, 0).repeat(3, 1), 0, 0.0, second.taken_at)
    said = replace(second.assessment, mask=LesionMask(mask.pixels.repeat(3, 0).repeat(3, 1), 1.0))
    found = compare(drawn(spot()), replace(second, frame=large, assessment=said))
    assert found.registration is not None
    assert found.registration.scale == pytest.approx(1 / 1.12 / 3, rel=0.01)
    assert found.growth is not None
    assert abs(found.growth.area) < 0.03


def test_the_dark_rim_of_a_follow_up_does_not_hide_that_it_shows_the_same_skin(spot: Any, drawn: Any) -> None:
    first, second = view(drawn(spot())), view(rimmed(drawn(spot(noise=3))))
    assert first is not None
    assert second is not None
    assert detail_correlation(first, second, np.eye(2, 3)) > 0.5


def rimmed(scan: Scan) -> Scan:
    """The same scan through a round window, as a dermatoscope shows it."""
    height, width = scan.frame.pixels.shape[:2]
    window = cv2.circle(np.zeros((height, width), np.uint8), (width // 2, height // 2), height // 2, (1,), cv2.FILLED)
    return replace(scan, frame=replace(scan.frame, pixels=np.asarray(scan.frame.pixels * window[..., None], np.uint8)))
