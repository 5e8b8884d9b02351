import io
import logging
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dermscan.domain import IndeterminateReason, RiskBand
from dermscan.domain.evolution import ChangeBand, ChangeReason, Evolution, FollowUpWindow
from dermscan.domain.review import ExclusionReason
from dermscan.reporting.page import html
from dermscan.reporting.pdf import OwnFiles, write_pdf
from dermscan.reporting.report import Language, LesionReport

MakeReport = Callable[..., LesionReport]

ADJUNCTIVE = {
    Language.ENGLISH: "Assists a clinician; this is no diagnosis.",
    Language.GERMAN: "Unterstützt die ärztliche Beurteilung; dies ist keine Diagnose.",
}


def written(report: LesionReport) -> bytes:
    stream = io.BytesIO()
    write_pdf(report, stream)
    return stream.getvalue()


def texts(report: LesionReport) -> list[str]:
    pages = pypdf.PdfReader(io.BytesIO(written(report))).pages
    return [re.sub(r"\s+", " ", page.extract_text()) for page in pages]


def test_every_page_says_what_it_is_and_which_page_it_is(make_report: MakeReport) -> None:
    for language, page_of in ((Language.ENGLISH, "Page {} of {}"), (Language.GERMAN, "Seite {} von {}")):
        pages = texts(make_report(3, language=language))
        for number, text in enumerate(pages, start=1):
            assert ADJUNCTIVE[language] in text
            assert page_of.format(number, len(pages)) in text
            assert "3f2a91c4" in text


def test_the_figures_of_the_latest_scan_are_there(make_report: MakeReport) -> None:
    (first, *_) = texts(make_report(3, mm_per_pixel=0.05))
    assert "62 of 100" in first
    for told in (
        "heron-7",
        "Skin of back",
        "left",
        "room-1",
        "moderate",
        "6.5 points",
        "Melanoma",
        "55.0",
        "1 of 2 axes (index 0.12)",
        "3 of 8 sectors (index 1.31)",
        "3 of 6",
        "3.2 mm",
        "3.6 to 5.6",
        "passed",
        "50.0 µm a pixel",
    ):
        assert told in first, told


def test_german_has_its_own_words_and_its_own_comma(make_report: MakeReport) -> None:
    text = " ".join(texts(make_report(2, language=Language.GERMAN, mm_per_pixel=0.05)))
    for told in ("Läsionsbericht", "Rücken", "links", "mittel", "3,2 mm", "09.06.2026", "einseitig vergrößert"):
        assert told in text, told
    assert "3.2 mm" not in text


def test_what_made_it_is_told_with_its_scans(make_report: MakeReport) -> None:
    report = make_report(3)
    other = replace(report.visits[1], provenance=replace(report.visits[1].provenance, bundle_id="dermscan-0.2.0"))
    text = " ".join(texts(replace(report, visits=(report.visits[0], other, report.visits[2]))))
    assert "1, 3" in text
    assert "dermscan-0.2.0" in text
    assert "ab" * 32 in text.replace(" ", "")


def test_the_note_and_nothing_else_that_may_name_somebody_is_left_out(make_report: MakeReport) -> None:
    report = make_report(1)
    said = written(report) + html(report).encode()
    assert b"Example" not in said
    assert report.lesion.note is not None


def test_an_indeterminate_scan_shows_no_risk(make_report: MakeReport) -> None:
    (first, *_) = texts(make_report(1, reason=IndeterminateReason.UNFAMILIAR))
    assert "No risk is shown" in first
    assert "indeterminate" in first
    assert "unlike those" in first
    assert "62 of 100" not in first
    assert "of 100" not in first
    assert "Melanoma" not in first
    assert "Pre-malignant" not in first


def test_a_scan_without_a_lesion_has_no_figures(make_report: MakeReport) -> None:
    (first, *_) = texts(make_report(1, masked=False))
    for told in ("No lesion was outlined", "Nothing was measured", "no lesion was found", "too dark"):
        assert told in first


def test_an_uncalibrated_scan_says_so(make_report: MakeReport) -> None:
    (first, *_) = texts(make_report(1))
    assert "No scale: lengths are in pixels." in first
    assert "64 px (uncalibrated)" in first


def test_an_excluded_scan_is_told_and_in_no_curve(make_report: MakeReport) -> None:
    report = make_report(3)
    dropped = replace(report.visits[1], excluded=ExclusionReason.OTHER_LESION)
    found = replace(report, visits=(report.visits[0], dropped, report.visits[2]))
    assert "excluded: another lesion" in " ".join(texts(found))
    assert "2026-06-09 62.0" in html(report)
    assert "2026-06-09 62.0" not in html(found)


def test_the_first_page_shows_the_latest_scan_that_counts(make_report: MakeReport) -> None:
    report = make_report(3, risk=62.0)
    dropped = replace(report.visits[2], excluded=ExclusionReason.POOR_PICTURE)
    assert "Scan 2 of 3, 2026-06-09" in html(replace(report, visits=(*report.visits[:2], dropped)))
    assert "Scan 3 of 3" in html(report)


def test_fifty_scans_are_all_in_the_table(make_report: MakeReport) -> None:
    pages = texts(make_report(50))
    whole = " ".join(pages)
    days = [f"{datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=100 * n):%Y-%m-%d} 09:30" for n in range(50)]
    assert all(day in whole for day in days)
    assert len(pages) >= 5


def test_the_same_report_gives_the_same_bytes_also_in_another_process(make_report: MakeReport, tmp_path: Path) -> None:
    report = make_report(2)
    assert written(report) == written(report)
    program = (
        "import io, pickle, sys; from dermscan.reporting.pdf import write_pdf;"
        "write_pdf(pickle.load(open(sys.argv[1], 'rb')), open(sys.argv[2], 'wb'))"
    )
    (tmp_path / "report").write_bytes(pickle.dumps(report))
    environment = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-c", program, tmp_path / "report", tmp_path / "pdf"], check=True, env=environment, timeout=120
    )
    assert (tmp_path / "pdf").read_bytes() == written(report)


def test_its_only_time_is_the_given_one(make_report: MakeReport) -> None:
    information = pypdf.PdfReader(io.BytesIO(written(make_report(1)))).metadata
    assert information is not None
    assert information.creation_date == information.modification_date == datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
    assert information.title == "Lesion report 3f2a91c4"


def test_it_is_tagged_in_its_language_and_every_picture_that_says_something_has_a_text(make_report: MakeReport) -> None:
    root = pypdf.PdfReader(io.BytesIO(written(make_report(2, language=Language.GERMAN)))).root_object
    assert dictionary(root["/MarkInfo"])["/Marked"]
    assert str(root["/Lang"]) == "de"
    metadata = root["/Metadata"].get_object()
    assert isinstance(metadata, pypdf.generic.StreamObject)
    assert b"pdfuaid:part" in metadata.get_data()
    kinds = tags(dictionary(root["/StructTreeRoot"]))
    assert {"/H1", "/H2", "/H3", "/Table", "/TH", "/TD", "/Figure"} <= {kind for kind, _ in kinds}
    told = [text for kind, text in kinds if kind == "/Figure" and text]
    assert any("Umriss" in text for text in told)
    assert any(text.startswith("Risiko, 0 bis 100: ") for text in told)


def dictionary(found: pypdf.generic.PdfObject) -> pypdf.generic.DictionaryObject:
    inner = found.get_object()
    assert isinstance(inner, pypdf.generic.DictionaryObject)
    return inner


def tags(node: pypdf.generic.DictionaryObject) -> list[tuple[str, str | None]]:
    """Kind and alternative text of every element of the structure."""
    found = [(str(node["/S"]), str(node["/Alt"]) if "/Alt" in node else None)] if "/S" in node else []
    children = node.get("/K", [])
    for child in children if isinstance(children, list) else [children]:
        inner = child.get_object()
        if isinstance(inner, pypdf.generic.DictionaryObject):
            found += tags(inner)
    return found


def test_a_picture_keeps_its_scale_on_the_paper(make_report: MakeReport) -> None:
    page = html(make_report(1, mm_per_pixel=0.05, size=(120, 160)))
    pattern = r'<figure style="width:([\d.]+)mm">.*?rule" style="width:([\d.]+)mm"></span><span class="length">(\d+)'
    found = re.search(pattern, page, re.DOTALL)
    assert found
    width, bar, length = found.groups()
    shown = make_report(1, mm_per_pixel=0.05).visits[0].pictures.close_up
    millimetres = shown.width / shown.reduction * 0.05
    assert float(bar) / float(width) == pytest.approx(float(length) / millimetres, rel=0.01)


def test_words_that_look_like_markup_are_words(make_report: MakeReport) -> None:
    report = make_report(1)
    odd = replace(report, lesion=replace(report.lesion, subject_alias="<b>&amp;</b>", anatomic_site="<i>back</i>"))
    (first, *_) = texts(odd)
    assert "<b>&amp;</b>" in first
    assert "<i>back</i>" in first


def test_nothing_is_loaded_from_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text("<svg/>", encoding="utf-8")
    for place in ("http://127.0.0.1:9/x", secret.as_uri(), "file:///etc/hostname"):
        with pytest.raises(ValueError, match="nothing from outside"):
            OwnFiles().fetch(place)


def test_the_library_finds_nothing_to_complain_about(make_report: MakeReport, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        written(make_report(2))
    assert caplog.records == []


def test_a_report_needs_a_visit_and_a_baseline_among_them(make_report: MakeReport) -> None:
    report = make_report(2)
    for wrong in ({"visits": ()}, {"baseline": 2}, {"printed_at": datetime(2026, 1, 1)}):  # noqa: DTZ001 - that is what is wrong
        with pytest.raises(ValueError, match=r"report|time"):
            replace(report, **wrong)
    with pytest.raises(ValueError, match="order"):
        replace(report, visits=report.visits[::-1])


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(1, 4),
    language=st.sampled_from(list(Language)),
    how=st.fixed_dictionaries(
        {
            "size": st.tuples(st.integers(1, 60), st.integers(1, 60)),
            "mm_per_pixel": st.none() | st.floats(1e-4, 10),
            "masked": st.booleans(),
            "reason": st.none() | st.sampled_from(list(IndeterminateReason)),
            "risk": st.floats(0, 100),
        }
    ),
)
def test_any_scans_make_a_report(
    make_report: MakeReport, count: int, language: Language, how: dict[str, object]
) -> None:
    pages = texts(make_report(count, language=language, **how))
    assert all(ADJUNCTIVE[language] in page for page in pages)


@pytest.mark.parametrize("band", ChangeBand)
def test_every_finding_and_every_ground_has_words(make_report: MakeReport, band: ChangeBand) -> None:
    for language in Language:
        report = make_report(2, language=language)
        for window in FollowUpWindow:
            found = Evolution(-3.0, window, band, tuple(ChangeReason))
            latest = replace(report.visits[1], evolution=found)
            assert html(replace(report, visits=(report.visits[0], latest))).count("finding") >= 1


def test_every_band_reason_and_exclusion_has_words(make_report: MakeReport) -> None:
    for language in Language:
        report = make_report(1, language=language)
        for band in RiskBand:
            for reason in (None, *IndeterminateReason):
                for excluded in (None, *ExclusionReason):
                    said = replace(report.visits[0].assessment, band=band, reason=reason)
                    html(replace(report, visits=(replace(report.visits[0], assessment=said, excluded=excluded),)))
