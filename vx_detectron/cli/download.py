"""Fetch public weights into the cache, and say where they are."""

from __future__ import annotations

import click

from vx_detectron.errors import CheckpointError
from vx_detectron.weights import catalog


@click.command(name="download")
@click.argument("names", nargs=-1, metavar="[NAME|URL]...")
@click.option("--list", "list_", is_flag=True, help="List the known weights and where they go.")
@click.option("--all", "all_", is_flag=True, help="Fetch all of them (over 1 GB).")
def main(names: tuple[str, ...], list_: bool, all_: bool) -> None:
    """Fetch weights by NAME (see --list), detectron2://... or https://... address.

    Prints the path of each file, one a line. Files go to Detectron2's cache folder,
    $FVCORE_CACHE or ~/.torch/iopath_cache; those already there are only checked, and what broke
    off is continued. The public files are Detectron2's, under CC BY-SA 3.0.

    Exit code: 0 all are there, 1 some could not be fetched, 2 wrong usage.
    """
    if list_:
        _list()
        return
    if bool(names) == all_:
        raise click.UsageError("Expected names or addresses, or --all, or --list.")
    try:
        urls = [catalog.url_of(name) for name in (catalog.CATALOG if all_ else names)]
        for url in urls:
            catalog.cache_path(url)  # refuses bad addresses before any work
    except CheckpointError as error:
        raise click.UsageError(str(error)) from error
    failed = 0
    for url in urls:
        try:
            click.echo(catalog.fetch(url))
        except CheckpointError as error:
            click.echo(f"Error: {error}", err=True)
            failed += 1
    if failed:
        raise SystemExit(1)


def _list() -> None:
    for name in catalog.bundled():
        click.echo(f"bundled://{name}\n    comes with this package")
    for name, file in catalog.CATALOG.items():
        path = catalog.cache_path(file.url)
        state = "there" if path.is_file() else "not fetched yet"
        click.echo(f"{name}\n    {file.about}\n    {file.url}\n    {path} ({state})")


if __name__ == "__main__":
    main()
