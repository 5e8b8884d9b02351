"""Gives frames the scale, and on demand the colours, of the calibration. One that does not hold is never used."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from dermscan.calibration.color import correct_colors
from dermscan.calibration.record import Calibration, CalibrationState, load_calibration, state_for
from dermscan.camera_settings import CameraSettings
from dermscan.domain import Frame
from dermscan.errors import InputError

_log = logging.getLogger(__name__)


class Calibrator:
    """The calibration of one camera, as far as it holds."""

    def __init__(self, folder: Path, camera: CameraSettings) -> None:
        """Read the calibration; one that is damaged is as good as none, and the journal tells of it.

        Args:
            folder: The device's state: the folder of the history.
            camera: The camera as it is set.
        """
        self._camera = camera
        self._calibration: Calibration | None = None
        self.state = CalibrationState.NONE
        try:
            self._calibration = load_calibration(folder)
        except InputError as error:
            self.state = CalibrationState.DAMAGED
            _log.warning("The calibration is not used: %s", error)

    def calibrated(self, frame: Frame) -> Frame:
        """The frame with the calibration's scale and identifier, and its colours where the settings ask for them.

        A frame that the calibration does not hold for is given back as it is; `state` then says why.
        """
        calibration = self._calibration
        if calibration is None:
            return frame
        self._turn(state_for(calibration, self._camera, frame))
        if self.state is not CalibrationState.VALID:
            return frame
        pixels = frame.pixels
        if self._camera.correct_colors:
            pixels = correct_colors(pixels, np.array(calibration.color.matrix))
        scale, identifier = calibration.mm_per_pixel, calibration.calibration_id
        return replace(frame, pixels=pixels, mm_per_pixel=scale, calibration_id=identifier)

    def _turn(self, state: CalibrationState) -> None:
        """Tell the journal once when the calibration ceases to hold, and once when it holds again."""
        if state is self.state:
            return
        self.state = state
        if state is CalibrationState.VALID:
            _log.info("The calibration is used")
        else:
            _log.warning("The calibration is not used: %s", state.replace("_", " "))
