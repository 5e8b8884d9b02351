import pytest

from dermscan.domain.sites import SITES, AnatomicSite, find_site


def test_the_list_is_the_one_of_dicom() -> None:
    assert len(SITES) == 208
    assert {site.scheme for site in SITES.values()} == {"SCT", "FMA", "DCM"}
    assert len({site.meaning for site in SITES.values()}) == len(SITES)


@pytest.mark.parametrize("site", [site for site in SITES.values() if site.scheme == "SCT"], ids=lambda site: site.code)
def test_every_snomed_code_has_a_right_check_digit(site: AnatomicSite) -> None:
    assert verhoeff(site.code) == 0


@pytest.mark.parametrize("text", ["36141000", "Skin of cheek", "cheek", " CHEEK "])
def test_a_site_is_found_by_code_and_by_meaning(text: str) -> None:
    assert find_site(text).code == "36141000"


@pytest.mark.parametrize("text", ["", "22943007", "face of a clock", "chee"])
def test_what_is_no_site_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="CID 4029"):
        find_site(text)


def verhoeff(code: str) -> int:
    """Check digit of a SNOMED CT identifier, 0 when it is right (Verhoeff 1969)."""

    def product(a: int, b: int) -> int:
        turn, other = a % 5, b % 5
        if a < 5:
            return (turn + other) % 5 + (5 if b >= 5 else 0)
        return (turn - other) % 5 + (0 if b >= 5 else 5)

    swap = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = swap[value]
        check = product(check, value)
    return check
