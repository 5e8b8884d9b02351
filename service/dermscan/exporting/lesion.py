"""Writes one lesion as a report, as DICOM objects or as a FHIR bundle. It asks nobody: its caller has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import ModuleType

from dermscan.bundle.choosing import choose
from dermscan.domain import Lesion, Scan
from dermscan.domain.review import Review
from dermscan.errors import BundleError, InputError, OutputError
from dermscan.history.evolution import compare
from dermscan.history.records import ScanSummary
from dermscan.history.store import History
from dermscan.reporting.release import Release
from dermscan.reporting.report import BandLimits, Language, LesionReport, Visit, visit
from dermscan.reporting.subject import Modality, Subject, subject_of
from dermscan.settings import ModelSettings


class Format(StrEnum):
    """What a lesion is written as."""

    PDF = "pdf"
    DICOM = "dicom"
    FHIR = "fhir"
    FHIR_R5 = "fhir-r5"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a lesion is to be written.

    Attributes:
        form: What it is written as.
        language: Language of a report on paper.
        modality: How the device takes its pictures.
        printed_at: When it is made.
        models: Where the bundle in service is, which knows the limits of its own bands.
    """

    form: Format
    language: Language
    modality: Modality
    printed_at: datetime
    models: ModelSettings


def write_lesion(history: History, lesion: Lesion, stem: Path, wanted: Wanted) -> None:
    """Write one lesion.

    Args:
        history: Where the scans are; looking at them is recorded there.
        lesion: The lesion.
        stem: The files' folder and the beginning of their names.
        wanted: How it is to be.

    Raises:
        InputError: The lesion has no scans.
        OutputError: The libraries of the format are not installed.
        HistoryCorrupt: A picture is damaged.
        OSError: The disk cannot take the files.
    """
    timeline = history.timeline(lesion.lesion_id)
    if not timeline:
        raise InputError(source="The lesion", problem="it has no scans")
    subject = _subject(history, lesion)
    if wanted.form is Format.DICOM:
        _dicom(history, timeline, subject, stem, wanted.modality)
        return
    library = _library("pdf" if wanted.form is Format.PDF else "fhir", stem)
    _write_report(library, _report(history, lesion, timeline, wanted), subject, stem, wanted)


def baseline_of(lesion: Lesion, timeline: Sequence[ScanSummary], reviews: Mapping[str, Review]) -> int:
    """Which scan the others are compared with: the one set by hand, else the first that counts and has figures.

    Returns:
        Its place in the timeline; 0 where there is none.
    """
    identifiers = [scan.scan_id for scan in timeline]
    if lesion.baseline_scan_id in identifiers:
        return identifiers.index(lesion.baseline_scan_id)
    excluded = {scan_id for scan_id, review in reviews.items() if review.excluded is not None}
    fitting = (n for n, scan in enumerate(timeline) if scan.features is not None and scan.scan_id not in excluded)
    return next(fitting, 0)


def _dicom(history: History, timeline: Sequence[ScanSummary], subject: Subject, stem: Path, modality: Modality) -> None:
    dicom, masks = _library("dicom", stem), _library("segmentation", stem)
    for number, summary in enumerate(timeline, start=1):
        scan, review = history.load_reviewed(summary.scan_id)
        picture = dicom.image(scan, subject, modality)
        with stem.with_name(f"{stem.name}-scan-{number:03}.dcm").open("xb") as file:
            dicom.write(picture, file)
        mask = scan.assessment.mask
        if mask is not None:
            made = masks.segmentation(scan, mask, subject, picture, corrected=review.features is not None)
            with stem.with_name(f"{stem.name}-scan-{number:03}-mask.dcm").open("xb") as file:
                dicom.write(made, file)


def _write_report(library: ModuleType, report: LesionReport, subject: Subject, stem: Path, wanted: Wanted) -> None:
    ending = "pdf" if wanted.form is Format.PDF else "json"
    with stem.with_name(f"{stem.name}.{ending}").open("xb") as file:
        if wanted.form is Format.PDF:
            library.write_pdf(report, file)
            return
        release = Release.R5 if wanted.form is Format.FHIR_R5 else Release.R4
        library.write_fhir(report, subject, file, wanted.modality, release)


def _library(name: str, stem: Path) -> ModuleType:
    """A part of the reporting room whose libraries may be missing, loaded when it is needed."""
    try:
        return import_module(f"dermscan.reporting.{name}")
    except (ImportError, OSError):
        problem = f"the libraries for it are not installed (extra `reporting`, and Pango for PDF; {name})"
        raise OutputError(target=stem.parent, problem=problem) from None


def _subject(history: History, lesion: Lesion) -> Subject:
    """Under the history's keyed reference: whoever guesses an alias cannot find it in what was exported."""
    kind, of = ("subject", lesion.subject_alias) if lesion.subject_alias else ("lesion", lesion.lesion_id)
    return subject_of(lesion, history.reference(kind, of).removeprefix(f"{kind}:"))


def _report(history: History, lesion: Lesion, timeline: Sequence[ScanSummary], wanted: Wanted) -> LesionReport:
    baseline = baseline_of(lesion, timeline, history.reviews(lesion.lesion_id))
    visits = tuple(_visits(history, timeline, baseline))
    limits = _limits(wanted.models, visits[-1])
    return LesionReport(lesion, visits, wanted.printed_at, wanted.language, limits, baseline)


def _visits(history: History, timeline: Sequence[ScanSummary], baseline: int) -> Iterator[Visit]:
    """Reduce the scans one by one, so that no more than two whole frames are in memory."""
    first: Scan | None = None
    for number, summary in enumerate(timeline):
        scan, review = history.load_reviewed(summary.scan_id)
        compared = None if first is None or review.excluded is not None else compare(first, scan)
        yield visit(scan, compared, review)
        if number == baseline:
            first = scan


def _limits(settings: ModelSettings, latest: Visit) -> BandLimits | None:
    """Where the bands begin, if the bundle that said so is still the one in service."""
    try:
        bundle = choose(settings, lambda found: found.manifest).bundle
    except BundleError:
        return None
    if bundle.manifest_hash != latest.provenance.bundle_hash:
        return None
    return BandLimits(bundle.manifest.classifier.moderate_from, bundle.manifest.classifier.high_from)
