"""Writes a report of one lesion as PDF, tagged for screen readers (PDF/UA-1). It loads nothing but its own fonts.

The layout is HTML and CSS for paper, set by WeasyPrint. The same report gives the same bytes: times, identifiers and
the order of everything come from the report alone.
"""

import hashlib
from typing import BinaryIO

from weasyprint import HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from dermscan.reporting.page import PAGE, html
from dermscan.reporting.report import LesionReport

VARIANT = "pdf/ua-1"


def write_pdf(report: LesionReport, target: BinaryIO) -> None:
    """Write a report as PDF, A4.

    Args:
        report: What is said.
        target: Where the bytes go; it stays open.

    Raises:
        OSError: The target cannot take them.
    """
    text = html(report)
    identifier = hashlib.sha256(text.encode()).hexdigest()[:32].encode()
    document = HTML(string=text, url_fetcher=OwnFiles())
    target.write(document.write_pdf(font_config=FontConfiguration(), pdf_variant=VARIANT, pdf_identifier=identifier))


class OwnFiles(URLFetcher):  # type: ignore[misc] # WeasyPrint carries no types
    """Gives a page what is in it and its own fonts; refuses everything else."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """Open one of the page's own resources.

        Raises:
            ValueError: It is not one of them.
        """
        if not url.startswith(("data:", PAGE.as_uri() + "/")):
            message = "a report loads nothing from outside"
            raise ValueError(message)
        return super().fetch(url, headers)
