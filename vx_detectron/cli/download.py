"""``download``: fetch public weights into the cache, and print where they are."""

from __future__ import annotations

import sys

import click

from vx_detectron.cli.common import FAILED, Command, fail, result
from vx_detectron.errors import CheckpointError


@click.command(cls=Command, name="download")
@click.argument("names", nargs=-1, metavar="[NAME|URL]...")
@click.option("--list", "list_", is_flag=True, help="List the known weights and where they go.")
@click.option("--all", "all_", is_flag=True, help="Fetch all of them (over 1 GB).")
def main(names: tuple[str, ...], list_: bool, all_: bool) -> None:
    """Fetch weights by NAME (see --list), or by a detectron2://... or https://... address.

    The path of each file goes to standard output, one per line. Files are kept in Detectron2's
    cache folder, $FVCORE_CACHE or ~/.torch/iopath_cache. A file that is already there is only
    checked, and an interrupted download is continued. The public files are Detectron2's, under
    CC BY-SA 3.0.

    \b
    Examples:
      {prog} --list
      {prog} mask_rcnn_R_50_FPN_3x
    """  # noqa: D301
    from vx_detectron.weights import catalog

    if list_:
        if names or all_:
            raise click.UsageError("--list fetches nothing; leave the names and --all out.")
        _list()
        return
    if bool(names) == all_:
        raise click.UsageError("expected names or addresses, or --all, or --list.")
    try:
        urls = [catalog.url_of(name) for name in (catalog.CATALOG if all_ else names)]
        for url in urls:
            catalog.cache_path(url)  # refuses bad addresses before any work
    except CheckpointError as error:
        raise click.UsageError(str(error)) from error
    failed = False
    for url in urls:
        try:
            result(str(catalog.fetch(url)))
        except CheckpointError as error:
            fail(error)
            failed = True
    if failed:
        sys.exit(FAILED)


def _list() -> None:
    from vx_detectron.weights import catalog

    for name in catalog.bundled():
        result(f"bundled://{name}\n    comes with this package")
    for name, file in catalog.CATALOG.items():
        path = catalog.cache_path(file.url)
        state = "there" if path.is_file() else "not fetched yet"
        result(f"{name}\n    {file.about}\n    {file.url}\n    {path} ({state})")


if __name__ == "__main__":
    main()
