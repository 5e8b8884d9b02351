"""`dermscan history assign`: what waits in the inbox finds its lesion or its person."""

from typing import Annotated

import typer

from dermscan.cli.opening import opened_for_writing
from dermscan.cli.sites import site_code
from dermscan.domain import Laterality


def assign(
    context: typer.Context,
    scan: Annotated[str, typer.Argument(help="The scan, or at least the first eight characters of it.")],
    lesion: Annotated[str | None, typer.Option(help="The known lesion that the scan shows.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Alias, never a name, of the person whose new lesion it is.")
    ] = None,
    site: Annotated[
        str | None, typer.Option(help="Body site, by code or name, with --subject; see `dermscan history sites`.")
    ] = None,
    side: Annotated[Laterality | None, typer.Option(help="Side of the body, with --subject.")] = None,
) -> None:
    """Assign a scan of the inbox to a known lesion, or make it a subject's new lesion. Stop the service first.

    Example: dermscan history assign 3f2a91c4 --subject heron-7 --site cheek --side L
    """
    if (lesion is None) == (subject is None):
        message = "name either --lesion or --subject"
        raise typer.BadParameter(message)
    code = None if site is None else site_code(site)
    with opened_for_writing(context) as history:
        found = history.find(scan)
        if lesion is not None:
            history.assign_scan(found.scan_id, history.find_lesion(lesion).lesion_id)
        elif subject is not None:
            history.assign_lesion(found.lesion_id, subject, anatomic_site=code, laterality=side)
    typer.echo("Assigned.")
