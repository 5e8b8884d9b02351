"""Makes a DICOM Segmentation of a scan's mask, which refers to the scan's picture. DICOM PS3.3 A.51 and C.8.20.2."""

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.valuerep import DA, TM

from dermscan.domain import LesionMask, Scan
from dermscan.reporting.dicom import MANUFACTURER, region
from dermscan.reporting.identity import lesion_uid, mask_digest, segmentation_series_uid, segmentation_uid, uid
from dermscan.reporting.subject import Subject, site_of

ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
LESION = Code("52988006", "SCT", "Lesion")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")


def segmentation(
    scan: Scan, mask: LesionMask, subject: Subject, picture: FileDataset, *, corrected: bool = False
) -> Segmentation:
    """A mask as a DICOM object: one binary segment of the picture's size.

    Args:
        scan: The scan.
        mask: Its mask, not empty.
        subject: Whose it is.
        picture: The scan's picture, made by `dermscan.reporting.dicom.image`.
        corrected: Whether a clinician corrected the mask.
    """
    kind = "SEMIAUTOMATIC" if corrected else "AUTOMATIC"
    made = Segmentation(
        source_images=[picture],
        pixel_array=mask.pixels[np.newaxis],
        segmentation_type="BINARY",
        segment_descriptions=[_segment(scan, subject, kind)],
        series_instance_uid=segmentation_series_uid(scan.scan_id),
        series_number=2,
        sop_instance_uid=segmentation_uid(scan.scan_id, mask_digest(mask)),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=", ".join(picture.SoftwareVersions),
        device_serial_number=scan.device,
        content_label="LESION",
        content_description="Outline of the lesion",
        omit_empty_frames=False,
    )
    made.PatientOrientation, made.SeriesDescription = "", "Outline of the lesion"
    _take_times(made, scan)
    _take_identity(made, scan)
    # The picture has the spacing; a mask of one plane has no thickness, without which the group is incomplete.
    made.SharedFunctionalGroupsSequence[0].pop("PixelMeasuresSequence", None)
    return made


def _segment(scan: Scan, subject: Subject, kind: str) -> SegmentDescription:
    by = scan.provenance
    algorithm = AlgorithmIdentificationSequence("Med-SAM", ARTIFICIAL_INTELLIGENCE, by.bundle_id)
    made = SegmentDescription(
        segment_number=1,
        segment_label="Lesion",
        segmented_property_category=ABNORMAL,
        segmented_property_type=LESION,
        algorithm_type=kind,
        algorithm_identification=algorithm,
        tracking_uid=lesion_uid(subject.lesion.lesion_id),
        tracking_id=subject.lesion.lesion_id,
    )
    place = Sequence([region(site_of(subject.lesion), subject.lesion.laterality)])
    made.add(DataElement("AnatomicRegionSequence", "SQ", place))
    return made


def _take_times(made: Segmentation, scan: Scan) -> None:
    """The times are the scan's own, so that the same scan gives the same file."""
    taken = scan.taken_at
    made.SeriesDate = made.ContentDate = DA(taken.date())
    made.SeriesTime = made.ContentTime = TM(taken.time())
    made.pop("InstanceCreationDate", None)
    made.pop("InstanceCreationTime", None)
    for contribution in made.ContributingEquipmentSequence:
        contribution.pop("ContributionDateTime", None)


def _take_identity(made: Segmentation, scan: Scan) -> None:
    dimensions = uid("dimensions", scan.scan_id)
    made.DimensionOrganizationSequence[0].DimensionOrganizationUID = dimensions
    for index in made.DimensionIndexSequence:
        index.DimensionOrganizationUID = dimensions
