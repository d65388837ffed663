"""``vx``: every command under one name. A command is imported only when it is used."""

from __future__ import annotations

import importlib
import os
from difflib import get_close_matches

import click

from vx_detectron.cli.common import EXIT_CODES, Group

COMMANDS = {
    "isolate": ("vx_detectron.cli.isolate", "Cut the main subject out of photos."),
    "video": ("vx_detectron.cli.video", "Cut one subject out of videos."),
    "live": ("vx_detectron.cli.live", "Replace the background behind a camera's subject."),
    "batch": ("vx_detectron.cli.batch", "Cut millions of photos, here or on a Ray cluster."),
    "explore": ("vx_detectron.cli.explore_data", "Look at a data set: figures, problems, masks."),
    "visualize": ("vx_detectron.cli.visualize_data", "Show the samples that training sees."),
    "train": ("vx_detectron.cli.train_net", "Train or fine-tune a network."),
    "average": ("vx_detectron.cli.average_checkpoints", "Average the weights of checkpoints."),
    "evaluate": ("vx_detectron.cli.evaluate", "Measure masks, choices and detections."),
    "fit-chooser": ("vx_detectron.cli.fit_chooser", "Fit the model that chooses the subject."),
    "export": ("vx_detectron.cli.export", "Write a network as an ONNX file."),
    "download": ("vx_detectron.cli.download", "Download public weights into the cache."),
    "web": ("vx_detectron.cli.web", "Serve the page and the HTTP API."),
    "info": ("vx_detectron.cli.info", "Show what is installed and what can run."),
}
"""Name to module, which has ``main``, and the line in the help of ``vx``."""


class _Lazy(Group):
    """Knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).main
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        name = args[0]
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        near = get_close_matches(name, COMMANDS, n=1)
        if near:
            hint = f"did you mean {near[0]}?"
        elif os.path.exists(name):
            hint = f"to cut this photo, run: {ctx.command_path} isolate {name}"
        else:
            hint = f"expected one of {', '.join(COMMANDS)}."
        raise click.UsageError(f"no such command {name!r}; {hint}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=_Lazy, name="vx", exits=tuple(EXIT_CODES))
def main() -> None:
    """Cut the main subject out of photos; train and evaluate the networks that do it.

    \b
    Examples:
      {prog} isolate photo.jpg                   writes photo_cutout.png
      {prog} web                                 the page, on http://127.0.0.1:8000
      {prog} COMMAND --help                      all options of a command
    """  # noqa: D301


if __name__ == "__main__":
    main()
