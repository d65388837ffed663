"""``web``: serve the page and the HTTP API, which are in a separate package beside this one."""

from __future__ import annotations

import importlib

import click

from vx_detectron.cli.common import Command
from vx_detectron.errors import VxError


class _Forwarded(Command):
    """Leaves every argument, --help too, to the server's own command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments as they are."""
        if "--version" in args:
            return super().parse_args(ctx, ["--version"])
        ctx.meta[__name__] = list(args)
        return []


@click.command(cls=_Forwarded, name="web")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Serve the page and the HTTP API."""
    try:
        server = importlib.import_module("web.serving").main
    except ImportError as error:
        raise VxError(
            f"the page needs packages that are not installed ({error}): "
            'pip install "vx-detectron[web]"'
        ) from error
    server.main(ctx.meta[__name__], prog_name=ctx.command_path, standalone_mode=False)


if __name__ == "__main__":
    main()
