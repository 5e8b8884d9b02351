"""What reads of the history give: small frozen records, and how scans become rows and rows become scans again."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from dermscan.domain import (
    Assessment,
    CameraState,
    DiagnosisCode,
    Frame,
    IndeterminateReason,
    Laterality,
    Lesion,
    LesionFeatures,
    LesionMask,
    Provenance,
    Quality,
    RgbImage,
    RiskBand,
    Roi,
    Scan,
)
from dermscan.errors import HistoryCorrupt
from dermscan.history.schema import LesionRow, ScanRow

T = TypeVar("T")

_QUALITY = TypeAdapter(Quality)
_ROI = TypeAdapter(Roi)
_CAMERA = TypeAdapter(CameraState)
_FEATURES = TypeAdapter(LesionFeatures)
_PROBABILITIES = TypeAdapter(dict[DiagnosisCode, float])


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """Everything about a filed scan but its pictures.

    Attributes:
        scan_id: The scan's identifier.
        lesion_id: The lesion it belongs to.
        taken_at: When the frame was taken, UTC.
        filed_at: When it was filed, UTC.
        device: The device's own label.
        frame_size: Width and height of the frame in pixels.
        frame_sequence: Number of the frame since the camera was opened.
        frame_monotonic_s: Seconds on the monotonic clock when the frame arrived.
        mm_per_pixel: Scale of the frame, None when no scale is known.
        quality: The quality gate's figures.
        roi: The box that prompted the segmentation, None when no lesion was found.
        mask_confidence: The segmenter's confidence, None when there is no mask.
        features: A, B, C and D, None when there was no mask to measure.
        probabilities: Calibrated probability of each code; empty when there was no mask.
        risk: Calibrated probability of malignancy in per cent, None when nothing was classified.
        pre_malignant: Calibrated probability of AK in per cent, None when nothing was classified.
        band: How the risk is shown.
        reason: Why the assessment abstains; None unless the band is `INDETERMINATE`.
        provenance: What made the assessment.
        camera: How the camera stood, None where it was not recorded.
        calibration_id: The calibration that the frame's scale comes from, None when none was used.
    """

    scan_id: str
    lesion_id: str
    taken_at: datetime
    filed_at: datetime
    device: str
    frame_size: tuple[int, int]
    frame_sequence: int
    frame_monotonic_s: float
    mm_per_pixel: float | None
    quality: Quality
    roi: Roi | None
    mask_confidence: float | None
    features: LesionFeatures | None
    probabilities: dict[DiagnosisCode, float]
    risk: float | None
    pre_malignant: float | None
    band: RiskBand
    reason: IndeterminateReason | None
    provenance: Provenance
    camera: CameraState | None = None
    calibration_id: str | None = None


def scan_row(scan: Scan, lesion_id: str, filed_at: datetime) -> ScanRow:
    """Spell a scan out as a row.

    Raises:
        ValueError: A figure is not a number.
    """
    said = scan.assessment
    return ScanRow(
        scan_id=scan.scan_id,
        lesion_id=lesion_id,
        taken_at=scan.taken_at,
        filed_at=filed_at,
        device=scan.device,
        frame_width=scan.frame.width,
        frame_height=scan.frame.height,
        frame_sequence=scan.frame.sequence,
        frame_monotonic_s=scan.frame.monotonic_s,
        mm_per_pixel=scan.frame.mm_per_pixel,
        quality=_text(asdict(said.quality)),
        roi=None if said.roi is None else _text(asdict(said.roi)),
        mask_confidence=None if said.mask is None else said.mask.confidence,
        features=None if said.features is None else _text(asdict(said.features)),
        probabilities=_text(said.probabilities),
        risk=said.risk,
        pre_malignant=said.pre_malignant,
        band=said.band.value,
        reason=None if said.reason is None else said.reason.value,
        camera=None if scan.frame.camera is None else _text(asdict(scan.frame.camera)),
        calibration_id=scan.frame.calibration_id,
        **asdict(scan.provenance),
    )


def scan_summary(row: ScanRow) -> ScanSummary:
    """Read a row.

    Raises:
        HistoryCorrupt: It holds what no version of this software writes.
    """
    try:
        return ScanSummary(
            scan_id=row.scan_id,
            lesion_id=row.lesion_id,
            taken_at=row.taken_at,
            filed_at=row.filed_at,
            device=row.device,
            frame_size=(row.frame_width, row.frame_height),
            frame_sequence=row.frame_sequence,
            frame_monotonic_s=row.frame_monotonic_s,
            mm_per_pixel=row.mm_per_pixel,
            quality=_QUALITY.validate_json(row.quality),
            roi=_optional(_ROI, row.roi),
            mask_confidence=row.mask_confidence,
            features=_optional(_FEATURES, row.features),
            probabilities=_PROBABILITIES.validate_json(row.probabilities),
            risk=row.risk,
            pre_malignant=row.pre_malignant,
            band=RiskBand(row.band),
            reason=None if row.reason is None else IndeterminateReason(row.reason),
            provenance=Provenance(row.bundle_id, row.bundle_hash, row.software_version, row.settings_hash),
            camera=_optional(_CAMERA, row.camera),
            calibration_id=row.calibration_id,
        )
    except ValueError:
        raise HistoryCorrupt(problem="a scan's row cannot be read", scan_id=row.scan_id) from None


def rebuilt_scan(summary: ScanSummary, pixels: RgbImage, mask: NDArray[np.bool_] | None) -> Scan:
    """Put a scan together again from its record and its decrypted pictures.

    Args:
        summary: The scan's record.
        pixels: The frame, (height, width, 3) uint8 RGB.
        mask: The mask, (height, width) bool; None where the scan has none.

    Raises:
        HistoryCorrupt: The pictures do not fit the record.
    """
    size = summary.frame_size
    wrong_mask = mask is not None and mask.shape[::-1] != size
    if pixels.shape[1::-1] != size or wrong_mask or (mask is None) != (summary.mask_confidence is None):
        raise HistoryCorrupt(problem="a picture does not fit its scan", scan_id=summary.scan_id)
    frame = Frame(
        pixels,
        summary.frame_sequence,
        summary.frame_monotonic_s,
        summary.taken_at,
        summary.mm_per_pixel,
        summary.camera,
        summary.calibration_id,
    )
    return Scan(summary.scan_id, frame, _assessment(summary, mask), summary.provenance, summary.device)


def lesion_record(row: LesionRow, alias: str | None) -> Lesion:
    """Read a lesion's row and its subject's alias.

    Raises:
        HistoryCorrupt: It holds what no version of this software writes.
    """
    try:
        side = None if row.laterality is None else Laterality(row.laterality)
    except ValueError:
        raise HistoryCorrupt(problem="a lesion's row cannot be read") from None
    return Lesion(row.lesion_id, alias, row.anatomic_site, row.created_at, side, row.note, row.baseline_scan_id)


def _assessment(summary: ScanSummary, mask: NDArray[np.bool_] | None) -> Assessment:
    confidence = summary.mask_confidence
    return Assessment(
        quality=summary.quality,
        roi=summary.roi,
        mask=None if mask is None or confidence is None else LesionMask(mask, confidence),
        features=summary.features,
        probabilities=summary.probabilities,
        risk=summary.risk,
        pre_malignant=summary.pre_malignant,
        band=summary.band,
        reason=summary.reason,
    )


def _text(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def _optional(adapter: TypeAdapter[T], text: str | None) -> T | None:
    return None if text is None else adapter.validate_json(text)
