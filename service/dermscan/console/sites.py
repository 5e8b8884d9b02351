"""The body sites as a form offers them: those of the figure first, then all. No other site is ever offered."""

from collections.abc import Iterable

from dermscan.console.body_map import BACK, FRONT
from dermscan.console.wording import Wording
from dermscan.domain.sites import SITES

Choices = list[tuple[str, list[tuple[str, str]]]]
"""Groups of sites: the group's name, then code and name of each."""


def site_choices(wording: Wording) -> Choices:
    """The sites in groups, named in the language; the standard's own words where there is no translation."""
    groups = [("front", [region.code for region in FRONT]), ("back", [region.code for region in BACK])]
    figure = [(wording(f"site.{name}"), _named(dict.fromkeys(codes), wording)) for name, codes in groups]
    rest = sorted(_named(SITES, wording), key=lambda site: site[1])
    return [*figure, (wording("site.all"), rest)]


def _named(codes: Iterable[str], wording: Wording) -> list[tuple[str, str]]:
    return [(code, wording.site(code)) for code in codes]
