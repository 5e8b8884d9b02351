"""`dermscan history sites`: the body sites that can be recorded, and no others."""

from typing import Annotated

import typer

from dermscan.cli.analyze import Json
from dermscan.cli.presentation import print_json, print_table
from dermscan.domain.sites import SITES, find_site
from dermscan.errors import InputError


def sites(
    word: Annotated[str, typer.Argument(help="Only those whose name holds this word.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """List the body sites of DICOM CID 4029 with their codes.

    Example: dermscan history sites cheek
    """
    found = [site for site in SITES.values() if word.casefold() in site.meaning.casefold()]
    if as_json:
        print_json(found)
    else:
        print_table(
            "Body sites", ["Code", "Scheme", "Name"], [[site.code, site.scheme, site.meaning] for site in found]
        )


def site_code(text: str) -> str:
    """The code of a site that a person names by code or by name.

    Raises:
        InputError: There is no such site.
    """
    try:
        return find_site(text).code
    except ValueError:
        problem = "it is not one of DICOM CID 4029; `dermscan history sites` lists them"
        raise InputError(source="The body site", problem=problem) from None
