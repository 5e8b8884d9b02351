import io
import json
import re
import shutil
import subprocess
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileDataset

from dermscan.domain import CameraState, Laterality, Lesion, LesionMask, Scan
from dermscan.domain.sites import SITES
from dermscan.reporting.dicom import image, write
from dermscan.reporting.segmentation import segmentation
from dermscan.reporting.subject import Modality, subject_of

MakeScan = Callable[..., Scan]
dciodvfy = pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="dciodvfy (Debian: dicom3tools) is not installed"
)


def stored(made: pydicom.Dataset) -> bytes:
    stream = io.BytesIO()
    write(made, stream)
    return stream.getvalue()


def read(content: bytes) -> FileDataset:
    return pydicom.dcmread(io.BytesIO(content))


def picture_of(scan: Scan, lesion: Lesion, modality: Modality = Modality.DERMOSCOPY) -> FileDataset:
    return image(scan, subject_of(lesion), modality)


def mask_of(scan: Scan, lesion: Lesion, *, corrected: bool = False) -> pydicom.Dataset:
    assert scan.assessment.mask is not None
    subject = subject_of(lesion)
    return segmentation(scan, scan.assessment.mask, subject, image(scan, subject), corrected=corrected)


def complaints(content: bytes, folder: Path) -> list[str]:
    path = folder / "object.dcm"
    path.write_bytes(content)
    done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False, timeout=60)
    said = (done.stdout + done.stderr).splitlines()
    assert any("Photograph" in line or "Segmentation" in line for line in said), said
    return [line for line in said if line.startswith("Error") or "error" in line.lower()]


def test_the_pixels_are_the_frames_own(make_scan: MakeScan, lesion: Lesion) -> None:
    for size in ((120, 160), (1, 1), (3, 5)):
        scan = make_scan(size=size)
        found = read(stored(picture_of(scan, lesion)))
        assert np.array_equal(np.reshape(found.pixel_array, scan.frame.pixels.shape), scan.frame.pixels)
        assert found.PhotometricInterpretation == "RGB"


def test_the_mask_is_the_scans_own_and_refers_to_the_picture(make_scan: MakeScan, lesion: Lesion) -> None:
    scan = make_scan(size=(47, 61))
    picture = picture_of(scan, lesion)
    found = highdicom.seg.segread(io.BytesIO(stored(mask_of(scan, lesion))))
    assert scan.assessment.mask is not None
    assert np.array_equal(found.pixel_array.astype(bool), scan.assessment.mask.pixels)
    referred = found.SourceImageSequence[0]
    assert referred.ReferencedSOPInstanceUID == picture.SOPInstanceUID
    assert found.StudyInstanceUID == picture.StudyInstanceUID
    assert found.FrameOfReferenceUID == picture.FrameOfReferenceUID
    segment = found.SegmentSequence[0]
    assert segment.TrackingUID == picture.TrackingUID
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "52988006"


def test_a_corrected_mask_is_another_object_and_says_that_a_person_took_part(
    make_scan: MakeScan, lesion: Lesion
) -> None:
    scan = make_scan()
    assert scan.assessment.mask is not None
    other = LesionMask(np.roll(scan.assessment.mask.pixels, 3, axis=0), 1.0)
    corrected = replace(scan, assessment=replace(scan.assessment, mask=other))
    first, second = mask_of(scan, lesion), mask_of(corrected, lesion, corrected=True)
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert second.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"


def test_the_same_scan_gives_the_same_bytes(make_scan: MakeScan, lesion: Lesion) -> None:
    scan = make_scan(mm_per_pixel=0.05)
    assert stored(picture_of(scan, lesion)) == stored(picture_of(scan, lesion))
    assert stored(mask_of(scan, lesion)) == stored(mask_of(scan, lesion))


def test_uids_are_derived_and_tell_scans_apart(make_scan: MakeScan, lesion: Lesion) -> None:
    objects = [
        made
        for n in range(3)
        for made in (picture_of(make_scan(number=n), lesion), mask_of(make_scan(number=n), lesion))
    ]
    uids = {made.SOPInstanceUID for made in objects} | {made.SeriesInstanceUID for made in objects}
    assert len(uids) == 12
    assert len({made.StudyInstanceUID for made in objects}) == 1
    assert len({picture_of(make_scan(number=n, days=n), lesion).StudyInstanceUID for n in range(3)}) == 3
    for uid in uids:
        assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", uid)
        assert UUID(int=int(uid.removeprefix("2.25."))).version == 5


def test_a_pixels_size_is_told_only_where_it_is_known(make_scan: MakeScan, lesion: Lesion) -> None:
    assert [float(value) for value in picture_of(make_scan(mm_per_pixel=0.0523), lesion).PixelSpacing] == [0.0523] * 2
    assert "PixelSpacing" not in picture_of(make_scan(), lesion)
    scan = make_scan(mm_per_pixel=0.05)
    printed = replace(scan, frame=replace(scan.frame, calibration_id="target-1"))
    for found, source in ((scan, "Lens at a fixed distance"), (printed, "Printed target")):
        items = picture_of(found, lesion).AcquisitionContextSequence
        assert [item.TextValue for item in items if "TextValue" in item] == [source]


def test_the_exposure_time_is_told_where_the_camera_tells(make_scan: MakeScan, lesion: Lesion) -> None:
    scan = make_scan()
    assert "ExposureTimeInSeconds" not in picture_of(scan, lesion)
    told = replace(scan, frame=replace(scan.frame, camera=CameraState("v4l2", "0", exposure_s=0.01)))
    assert picture_of(told, lesion).ExposureTimeInSeconds == 0.01


def test_nothing_leads_back_to_a_person(make_scan: MakeScan, lesion: Lesion) -> None:
    scan = make_scan()
    for content in (stored(picture_of(scan, lesion)), stored(mask_of(scan, lesion))):
        assert b"heron" not in content
        assert b"Example" not in content
        found = read(content)
        assert found.PatientBirthDate == found.PatientSex == found.ReferringPhysicianName == ""
        assert found.PatientIdentityRemoved == "YES"
        assert re.fullmatch(r"[0-9a-f]{32}", found.PatientID)


def test_a_pseudonym_follows_the_alias_or_the_lesion_or_the_given_reference(lesion: Lesion) -> None:
    other_lesion = replace(lesion, lesion_id="another")
    assert subject_of(lesion).pseudonym == subject_of(other_lesion).pseudonym
    unassigned, other = replace(lesion, subject_alias=None), replace(other_lesion, subject_alias=None)
    assert len({subject_of(found).pseudonym for found in (lesion, unassigned, other)}) == 3
    assert subject_of(lesion, "reference").pseudonym == "reference"


def test_the_modality_decides_the_kind_of_object(make_scan: MakeScan, lesion: Lesion) -> None:
    dermoscopic, photograph = (picture_of(make_scan(), lesion, modality) for modality in Modality)
    assert (dermoscopic.SOPClassUID, dermoscopic.Modality) == ("1.2.840.10008.5.1.4.1.1.77.1.7", "DMS")
    assert (photograph.SOPClassUID, photograph.Modality) == ("1.2.840.10008.5.1.4.1.1.77.1.4", "XC")
    assert dermoscopic.ContactMethod is None
    assert "ContactMethod" not in photograph


@pytest.mark.parametrize("side", [None, *Laterality])
def test_the_site_and_the_side_are_coded(make_scan: MakeScan, lesion: Lesion, side: Laterality | None) -> None:
    (found,) = picture_of(make_scan(), replace(lesion, laterality=side)).AnatomicRegionSequence
    assert (found.CodeValue, found.CodingSchemeDesignator, found.CodeMeaning) == ("66643007", "SCT", "Skin of back")
    assert ("AnatomicRegionModifierSequence" in found) == (side in {Laterality.LEFT, Laterality.RIGHT, Laterality.BOTH})


@pytest.mark.parametrize("site", [None, "somewhere", "39937001"])
def test_a_site_that_is_not_recorded_is_the_skin(make_scan: MakeScan, lesion: Lesion, site: str | None) -> None:
    (found,) = picture_of(make_scan(), replace(lesion, anatomic_site=site)).AnatomicRegionSequence
    assert found.CodeMeaning == "Skin"


def test_every_attribute_that_the_standard_demands_is_there(make_scan: MakeScan, lesion: Lesion) -> None:
    """By the tables of the standard that highdicom carries: a second opinion beside dciodvfy's."""
    tables = files("highdicom") / "_standard"
    modules = json.loads((tables / "iod_module_map.json").read_text())["dermoscopic-photography-image"]
    attributes = json.loads((tables / "module_attribute_map.json").read_text())
    found = picture_of(make_scan(mm_per_pixel=0.05), lesion)
    demanded = {
        attribute["keyword"]: attribute["type"]
        for module in modules
        if module["usage"] == "M"
        for attribute in attributes[module["key"]]
        if not attribute["path"] and attribute["type"] in {"1", "2"}
    }
    assert len(demanded) > 30
    assert {name for name in demanded if name not in found} == set()
    assert {name for name, kind in demanded.items() if kind == "1" and found[name].is_empty} == set()


@dciodvfy
@pytest.mark.parametrize("modality", Modality)
@pytest.mark.parametrize("scale", [None, 0.0523456789012345])
def test_dciodvfy_finds_no_error(
    make_scan: MakeScan, lesion: Lesion, tmp_path: Path, modality: Modality, scale: float | None
) -> None:
    scan = make_scan(mm_per_pixel=scale)
    subject = subject_of(lesion)
    picture = image(scan, subject, modality)
    assert scan.assessment.mask is not None
    assert complaints(stored(picture), tmp_path) == []
    assert complaints(stored(segmentation(scan, scan.assessment.mask, subject, picture)), tmp_path) == []


@dciodvfy
def test_dciodvfy_would_find_one(make_scan: MakeScan, lesion: Lesion, tmp_path: Path) -> None:
    picture = picture_of(make_scan(), lesion)
    del picture.RecognizableVisualFeatures
    assert any("RecognizableVisualFeatures" in line for line in complaints(stored(picture), tmp_path))


@dciodvfy
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    scale=st.none() | st.floats(1e-6, 10),
    site=st.sampled_from(sorted(SITES)),
    side=st.none() | st.sampled_from(list(Laterality)),
    masked=st.booleans(),
)
def test_any_scan_is_valid(  # noqa: PLR0917 - as many as may differ
    make_scan: MakeScan,
    lesion: Lesion,
    tmp_path_factory: pytest.TempPathFactory,
    size: tuple[int, int],
    scale: float | None,
    site: str,
    side: Laterality | None,
    masked: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    scan = make_scan(size=size, mm_per_pixel=scale, masked=masked)
    place = replace(lesion, anatomic_site=site, laterality=side)
    content, folder = stored(picture_of(scan, place)), tmp_path_factory.mktemp("dicom")
    assert complaints(content, folder) == []
    assert not masked or complaints(stored(mask_of(scan, place)), folder) == []
    assert np.array_equal(np.reshape(read(content).pixel_array, (*size, 3)), scan.frame.pixels)


def test_twelve_megapixels_take_few_copies(make_scan: MakeScan, lesion: Lesion, tmp_path: Path) -> None:
    scan = make_scan(size=(3040, 4056))
    tracemalloc.start()
    with (tmp_path / "object.dcm").open("wb") as file:
        write(picture_of(scan, lesion), file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3.2 * scan.frame.pixels.nbytes
