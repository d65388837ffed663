"""``download``: download public weights into the cache, and print where they are."""

from __future__ import annotations

import sys
from functools import partial

import click

from vx_detectron.cli.common import FAILED, Command, fail, result, say
from vx_detectron.errors import CheckpointError


@click.command(cls=Command, name="download")
@click.argument("names", nargs=-1, metavar="[NAME|URL]...")
@click.option("--eye", "eyes", multiple=True, metavar="NAME", help="Download a guest, another "
              "project's network that can be the eye, such as u2net; may be repeated.")  # fmt: skip
@click.option("--list", "list_", is_flag=True, help="List the known weights and their paths.")
@click.option("--all", "all_", is_flag=True, help="Download all of Detectron2's (over 1 GB).")
def main(names: tuple[str, ...], eyes: tuple[str, ...], list_: bool, all_: bool) -> None:
    """Download weights by NAME (see --list), or by a detectron2://... or https://... URL.

    The path of each file goes to standard output, one per line. Files are kept in Detectron2's
    cache folder, $FVCORE_CACHE or ~/.torch/iopath_cache. Existing files are only checked, and
    interrupted downloads are resumed. The public files are Detectron2's, under CC BY-SA 3.0;
    guests have their own licences, which are printed. A guest that rembg has downloaded is taken
    from rembg's folder: $U2NET_HOME, ~/.rembg or ~/.u2net.

    \b
    Examples:
      {prog} --list
      {prog} mask_rcnn_R_50_FPN_3x
      {prog} --eye isnet-general-use
    """  # noqa: D301
    from vx_detectron.engines import guests
    from vx_detectron.weights import catalog

    if list_:
        if names or all_ or eyes:
            raise click.UsageError("--list downloads nothing; use it alone.")
        _list()
        return
    if (all_ and names) or not (all_ or names or eyes):
        raise click.UsageError("expected names or URLs, --eye, --all or --list.")
    for eye in eyes:
        if eye not in guests.GUESTS:
            raise click.UsageError(f"--eye must be one of {', '.join(guests.GUESTS)}, got {eye!r}.")
    try:
        urls = [catalog.url_of(name) for name in (catalog.CATALOG if all_ else names)]
        for url in urls:
            catalog.cache_path(url)  # refuses bad addresses before any work
    except CheckpointError as error:
        raise click.UsageError(str(error)) from error
    wanted = [partial(catalog.fetch, url) for url in urls]
    for eye in eyes:
        say(f"{eye}: licence {guests.GUESTS[eye].licence}, see {guests.GUESTS[eye].source}")
        wanted.append(partial(guests.resolve, eye))
    failed = False
    for fetch in wanted:
        try:
            result(str(fetch()))
        except CheckpointError as error:
            fail(error)
            failed = True
    if failed:
        sys.exit(FAILED)


def _list() -> None:
    from vx_detectron.engines import guests
    from vx_detectron.weights import catalog

    for name in catalog.bundled():
        result(f"bundled://{name}\n    included in this package")
    for name, file in catalog.CATALOG.items():
        path = catalog.cache_path(file.url)
        state = "downloaded" if path.is_file() else "not downloaded yet"
        result(f"{name}\n    {file.about}\n    {file.url}\n    {path} ({state})")
    for name, guest in guests.GUESTS.items():
        found, file = guests.find(name), guest.file
        result(f"--eye {name}\n    {file.about}; licence: {guest.licence}, {guest.source}")
        if file.url:
            result(f"    {file.url}")
        place = found or (catalog.cache_path(file.url) if file.url else None)
        if place is None:
            result("    no known URL; see its source")
        else:
            result(f"    {place} ({'downloaded' if found else 'not downloaded yet'})")


if __name__ == "__main__":
    main()
