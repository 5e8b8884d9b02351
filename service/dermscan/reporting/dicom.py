"""Makes DICOM objects of a scan: Dermoscopic Photography or VL Photographic Image. No name is ever in them.

What a scan does not know (polarisation, contact, immersion, magnification) stays empty, as the standard allows; nothing
is assumed. DICOM PS3.3 A.32.11 and C.8.12.13 (Dermoscopic Photography, Supplement 221), A.32.4 (VL Photographic).
"""

from typing import BinaryIO

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DermoscopicPhotographyImageStorage,
    ExplicitVRLittleEndian,
    VLPhotographicImageStorage,
)
from pydicom.valuerep import DSfloat

from dermscan.domain import Laterality, Lesion, Scan
from dermscan.domain.sites import AnatomicSite
from dermscan.reporting.identity import frame_uid, image_series_uid, image_uid, lesion_uid, study_uid
from dermscan.reporting.subject import ADJUNCTIVE, Modality, Subject, site_of

MANUFACTURER = "Derm-Scan"
SCHEME = "99DERMSCAN"
"""Coding scheme of what no standard has a code for."""
SIDES = {
    Laterality.RIGHT: ("24028007", "Right"),
    Laterality.LEFT: ("7771000", "Left"),
    Laterality.BOTH: ("51440002", "Right and left"),
}
_NO_PREAMBLE = b"\0" * 128


def image(scan: Scan, subject: Subject, modality: Modality = Modality.DERMOSCOPY) -> FileDataset:
    """A scan's picture as a DICOM object; its pixels are the frame's, uncompressed.

    Args:
        scan: The scan.
        subject: Whose it is.
        modality: Whether the device looks through a dermoscope.
    """
    storage = DermoscopicPhotographyImageStorage if modality is Modality.DERMOSCOPY else VLPhotographicImageStorage
    made = _file(storage, image_uid(scan.scan_id))
    patient_and_study(made, scan, subject)
    equipment(made, scan)
    _series(made, scan, subject, modality)
    _anatomy(made, subject.lesion)
    _acquisition(made, scan)
    if modality is Modality.DERMOSCOPY:
        _dermoscopy(made)
    _spacing(made, scan)
    _pixels(made, scan)
    return made


def write(made: Dataset, target: BinaryIO) -> None:
    """Write a DICOM object as a file of DICOM PS3.10.

    Raises:
        OSError: The target cannot take it.
    """
    made.save_as(target, enforce_file_format=True)


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """A code as DICOM has it."""
    coded = Dataset()
    coded.CodeValue, coded.CodingSchemeDesignator, coded.CodeMeaning = value, scheme, meaning
    return coded


def patient_and_study(made: Dataset, scan: Scan, subject: Subject) -> None:
    """Fill the patient, who has a pseudonym alone, and the study."""
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientID, made.PatientName = subject.pseudonym, f"{subject.pseudonym}^"
    made.PatientBirthDate = made.PatientSex = ""
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = "Pseudonym; no name is recorded"
    made.StudyInstanceUID = study_uid(subject.lesion.lesion_id, scan.taken_at)
    made.StudyID = subject.lesion.lesion_id[:8]
    made.StudyDate, made.StudyTime = f"{scan.taken_at:%Y%m%d}", "000000"
    made.StudyDescription = "Dermoscopic follow-up of one lesion"
    made.AccessionNumber = made.ReferringPhysicianName = ""
    made.TimezoneOffsetFromUTC = "+0000"


def equipment(made: Dataset, scan: Scan) -> None:
    """Fill the device."""
    made.Manufacturer = made.ManufacturerModelName = MANUFACTURER
    made.DeviceSerialNumber = made.StationName = scan.device
    made.SoftwareVersions = [f"dermscan {scan.provenance.software_version}", scan.provenance.bundle_id]


def region(site: AnatomicSite, side: Laterality | None) -> Dataset:
    """An anatomic region (CID 4029) with its side (CID 244)."""
    coded = code(site.code, site.scheme, site.meaning)
    if side in SIDES:
        value, meaning = SIDES[side]
        coded.AnatomicRegionModifierSequence = Sequence([code(value, "SCT", meaning)])
    return coded


def _file(storage: UID, instance: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = storage
    meta.MediaStorageSOPInstanceUID = UID(instance)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=_NO_PREAMBLE)
    made.SOPClassUID, made.SOPInstanceUID = storage, instance
    made.CodingSchemeIdentificationSequence = Sequence([_own_scheme()])
    return made


def _own_scheme() -> Dataset:
    scheme = Dataset()
    scheme.CodingSchemeDesignator, scheme.CodingSchemeName = SCHEME, "Derm-Scan"
    return scheme


def _series(made: Dataset, scan: Scan, subject: Subject, modality: Modality) -> None:
    taken = scan.taken_at
    made.Modality = "DMS" if modality is Modality.DERMOSCOPY else "XC"
    made.SeriesInstanceUID = image_series_uid(scan.scan_id)
    made.SeriesDescription = "Dermoscopy" if modality is Modality.DERMOSCOPY else "Photograph"
    made.SeriesNumber = made.InstanceNumber = 1
    made.SeriesDate = made.AcquisitionDate = made.ContentDate = f"{taken:%Y%m%d}"
    made.SeriesTime = made.AcquisitionTime = made.ContentTime = f"{taken:%H%M%S.%f}"
    made.AcquisitionDateTime = f"{taken:%Y%m%d%H%M%S.%f}+0000"
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.PatientOrientation = ""
    made.BurnedInAnnotation = "NO"
    made.LossyImageCompression = "00"
    made.ImageComments = ADJUNCTIVE
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = frame_uid(scan.scan_id), ""
    made.TrackingID, made.TrackingUID = subject.lesion.lesion_id, lesion_uid(subject.lesion.lesion_id)


def _anatomy(made: Dataset, lesion: Lesion) -> None:
    made.AnatomicRegionSequence = Sequence([region(site_of(lesion), lesion.laterality)])
    if lesion.laterality is None:
        made.Laterality = ""
    else:
        made.ImageLaterality = lesion.laterality.value


def _acquisition(made: Dataset, scan: Scan) -> None:
    """What the quality gate measured, where the scale comes from, how long the sensor looked; where that is known."""
    quality = scan.assessment.quality
    items = [
        _figure("focus", "Sharpness of the lesion's surroundings", quality.focus),
        _figure("exposure", "Mean luminance", quality.exposure),
        _figure("glare", "Share of specular highlights", quality.glare),
    ]
    if scan.frame.mm_per_pixel is not None:
        source = "Printed target" if scan.frame.calibration_id else "Lens at a fixed distance"
        items.append(_text("calibration", "Source of the pixel spacing", source))
    made.AcquisitionContextSequence = Sequence(items)
    if scan.frame.camera is not None and scan.frame.camera.exposure_s is not None:
        made.ExposureTimeInSeconds = scan.frame.camera.exposure_s


def _item(name: str, meaning: str, kind: str) -> Dataset:
    item = Dataset()
    item.ValueType = kind
    item.ConceptNameCodeSequence = Sequence([code(name, SCHEME, meaning)])
    return item


def _text(name: str, meaning: str, text: str) -> Dataset:
    item = _item(name, meaning, "TEXT")
    item.TextValue = text
    return item


def _figure(name: str, meaning: str, value: float) -> Dataset:
    item = _item(name, meaning, "NUMERIC")
    item.NumericValue = DSfloat(value, auto_format=True)
    item.MeasurementUnitsCodeSequence = Sequence([code("1", "UCUM", "no units")])
    return item


def _dermoscopy(made: Dataset) -> None:
    """What is not recorded is empty: how the dermoscope shone, whether it touched the skin, how far it magnified."""
    made.RecognizableVisualFeatures = "NO"
    made.LightSourcePolarization = None
    made.EmitterColorTemperature = None
    made.ContactMethod = None
    made.OpticalMagnificationFactor = None


def _spacing(made: Dataset, scan: Scan) -> None:
    """The size of a pixel at the skin, where it is known."""
    scale = scan.frame.mm_per_pixel
    if scale is None:
        return
    made.PixelSpacing = [DSfloat(scale, auto_format=True)] * 2


def _pixels(made: Dataset, scan: Scan) -> None:
    made.SamplesPerPixel = 3
    made.PhotometricInterpretation = "RGB"
    made.PlanarConfiguration = 0
    made.Rows, made.Columns = scan.frame.height, scan.frame.width
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    pixels = scan.frame.pixels.tobytes()
    made.PixelData = pixels + b"\0" * (len(pixels) % 2)
    made["PixelData"].VR = "OB"
