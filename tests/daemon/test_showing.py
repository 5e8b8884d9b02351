"""What the display shows for what the camera sees, when nothing is being analysed."""

import pytest

from dermscan.analysis.framing import View
from dermscan.bus.events import WorkState
from dermscan.daemon.watcher import BLINDING, shown_for
from dermscan.domain import Quality, RejectReason, Roi

LESION = Roi(10, 10, 30, 30, 0.9)


def view(roi: Roi | None, guidance: RejectReason | None, *, scanned: bool = False) -> View:
    return View(roi, Quality(5, 0.5, 0, 0, 0.1), guidance, 0.0, ready=False, scanned=scanned)


@pytest.mark.parametrize("reason", sorted(BLINDING))
def test_light_in_which_no_lesion_can_be_found_is_told(reason: RejectReason) -> None:
    assert shown_for(view(None, reason)) == (WorkState.FRAMING, reason)


@pytest.mark.parametrize("reason", [None, *sorted(set(RejectReason) - BLINDING)])
def test_without_a_lesion_in_good_light_the_device_is_ready(reason: RejectReason | None) -> None:
    assert shown_for(view(None, reason)) == (WorkState.READY, None)
    if reason is not None:
        assert shown_for(view(None, reason), ordered=True) == (WorkState.FRAMING, reason)


@pytest.mark.parametrize("reason", RejectReason)
def test_what_is_to_be_mended_about_a_lesion_is_told_but_not_once_it_is_scanned(reason: RejectReason) -> None:
    assert shown_for(view(LESION, reason)) == (WorkState.FRAMING, reason)
    assert shown_for(view(LESION, reason, scanned=True)) == (WorkState.DONE, None)
    assert shown_for(view(LESION, None)) == (WorkState.HOLD_STILL, None)
