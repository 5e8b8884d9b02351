"""What a printed target tells about a camera: scale, white balance, colours, lens. It never looks at skin."""

from dermscan.calibration.calibrating import calibrate
from dermscan.calibration.record import Calibration, CalibrationState, load_calibration, save_calibration
from dermscan.calibration.using import Calibrator

__all__ = ["Calibration", "CalibrationState", "Calibrator", "calibrate", "load_calibration", "save_calibration"]
