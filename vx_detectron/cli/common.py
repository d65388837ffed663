"""What all commands share: exit codes, errors, standard output, paths, and the help's layout."""

from __future__ import annotations

import inspect
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from typing import IO, Any, TypeVar

import click

from vx_detectron import __version__
from vx_detectron.errors import VxError

F = TypeVar("F", bound=Callable[..., Any])

OK, FAILED, USAGE, NO_SUBJECT, PARTLY, UNDER, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
EXIT_CODES = {
    OK: "everything was written, or was already there",
    FAILED: "failed; the message says what was expected, what was found, and what to do",
    USAGE: "wrong usage; nothing was done",
    NO_SUBJECT: "no subject was found, or not the requested one",
    PARTLY: "part of the work failed or had no result; the rest is done",
    UNDER: "a figure is below --fail-under",
    INTERRUPTED: "stopped by Ctrl-C or kill; files that were complete are kept",
}
"""The one table. Every command's help shows the codes that it can end with."""


class OutputError(VxError):
    """Standard output cannot be written to: its reader has gone, or its disk is full."""


# --- results and messages ------------------------------------------------------------------------


def result(line: str | bytes) -> None:
    """Print one line of results to standard output. Does nothing if it is closed.

    Raises:
        OutputError: it cannot be written. Later lines are dropped without an error.
    """
    try:
        click.echo(line)
    except OSError as error:
        _detach(sys.stdout)
        raise OutputError(
            f"standard output cannot be written: {error.strerror or error}"
        ) from error


def say(line: str) -> None:
    """Print one message to standard error. Does nothing if it is closed."""
    try:
        click.echo(line, err=True)
    except OSError:
        _detach(sys.stderr)


def fail(error: Exception) -> None:
    """Print an error as every command does."""
    say(f"Error: {error}")


def _detach(stream: IO[str]) -> None:
    """Redirect a broken stream to nowhere, or Python would fail on it again at exit."""
    with suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


def _open_standard_streams() -> None:
    """Fill closed standard streams; otherwise the next opened file would take their place."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one


# --- errors become exit codes --------------------------------------------------------------------


@contextmanager
def reporting_errors() -> Iterator[None]:
    """Turn the errors a user can run into into one message and an exit code of ``EXIT_CODES``.

    ``kill`` ends the block as Ctrl-C does, so that nothing is left half-written.
    """
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if main else None
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except VxError as error:
        if not isinstance(error.__cause__, BrokenPipeError):  # `| head` got what it wanted
            fail(error)
        sys.exit(FAILED)
    except OSError as error:
        fail(error)
        sys.exit(FAILED)
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


class _Shared(click.Command):
    """-h and --version, the exit codes in the help, and the handling of errors.

    In the help text ``{prog}`` becomes the command as it was called (``vx isolate``,
    ``vx-isolate`` or ``isolate.py``), and ``{prog:NAME}`` another command in the same style.

    Args:
        exits: the codes that the command can end with.
    """

    def __init__(
        self,
        name: str | None,
        exits: Sequence[int] = (OK, FAILED, USAGE, INTERRUPTED),
        context_settings: dict[str, Any] | None = None,
        **attributes: Any,
    ) -> None:
        settings = {"help_option_names": ["-h", "--help"], **(context_settings or {})}
        super().__init__(name, context_settings=settings, **attributes)
        self.exits = exits
        click.version_option(__version__)(self)

    def main(self, *args: Any, **options: Any) -> Any:
        """Run as a program."""
        if not options.get("standalone_mode", True):
            return super().main(*args, **options)
        _open_standard_streams()
        with reporting_errors():
            return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run after the arguments were read."""
        with reporting_errors():
            return super().invoke(ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help with the program's own name in it."""
        text = inspect.cleandoc(self.help or "")
        text = re.sub(r"\{prog(?::(\w+))?\}", lambda found: _program(ctx, found[1]), text)
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(text)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), EXIT_CODES[code]) for code in self.exits])


class Command(_Shared):
    """One command."""


class Group(_Shared, click.Group):
    """Several commands under one name."""

    command_class = Command


def _program(ctx: click.Context, other: str | None) -> str:
    """This command as it was called, or another one in the same style."""
    path, root = ctx.command_path, str(ctx.find_root().info_name)
    if other is None:
        return path
    if root.endswith(".py"):
        return f"{other}.py"
    if root.startswith("vx-"):
        return f"vx-{other}"
    if root.startswith("python -m") and "." in root:
        return f"python -m vx_detectron.cli.{other}"
    return f"{root} {other}"


# --- parameters ----------------------------------------------------------------------------------


class UserPath(click.Path):
    """A path as people write it: ``~`` means the home folder even in ``--output=~/cut.png``,
    where no shell expands it; an empty path is refused.
    """  # noqa: D205

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"readable": False, **settings})

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """See ``click.ParamType``."""
        if isinstance(value, str):
            if not value.strip():
                self.fail("expected a path, got an empty one.", param, ctx)
            if value.startswith("~") and not os.path.lexists(value):
                value = os.path.expanduser(value)
        return super().convert(value, param, ctx)


class Number(click.FloatRange):
    """A number in a range; unlike ``click.FloatRange`` it refuses nan and infinity."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See ``click.ParamType``."""
        number = float(super().convert(value, param, ctx))
        if number - number != 0:  # nan or infinity
            self.fail(f"expected a finite number, got {value}.", param, ctx)
        return number


CONFIG_FILE = click.option("--config-file", type=UserPath(), metavar="FILE", help="A yaml file, or "
                           "the name of a bundled configuration.  "
                           "[default: vx_fbnetv3a]")  # fmt: skip
OPT = click.option("--opt", nargs=2, multiple=True, metavar="KEY VALUE", help="Override a key of "
                   "the configuration, such as --opt INPUT.MIN_SIZE_TEST 640; may be repeated, and "
                   "wins over every other option.")  # fmt: skip
NETWORK = (
    CONFIG_FILE,
    click.option("--weights", metavar="PATH|URL", help="Other weights for the detector."),
    click.option("--engine", type=click.Choice(["auto", "onnx", "detectron2", "torchvision"]),
                 help="What runs the networks; onnx is ONNX Runtime, for exported networks.  "
                 "[default: auto, the fastest that can]"),
    click.option("--eye", metavar="NAME|FILE", help="The network that maps the main subject: "
                 "vx_eye, none, a file of weights, an ONNX file, or a guest such as u2net, which "
                 "is downloaded if needed; download --list shows them all.  [default: vx_eye]"),
    click.option("--device", metavar="NAME", help="cpu, cuda, cuda:N or auto.  [default: auto]"),
    OPT,
)  # fmt: skip


def with_options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def network_overrides(options: Mapping[str, Any]) -> list[str]:
    """Alternating keys and values for the given ``NETWORK`` options, without ``--opt``."""
    keys = {"weights": "MODEL.WEIGHTS", "engine": "VX.ENGINE", "device": "MODEL.DEVICE"}
    keys["eye"] = "VX.EYE.NAME"
    return [
        word
        for option, key in keys.items()
        if options[option] is not None
        for word in (key, repr(options[option]))  # quoted, so that 2024 stays a string
    ]


def with_trailing_overrides(command: F) -> F:
    """``--opt KEY VALUE`` and, as in Detectron2, ``KEY VALUE`` pairs at the end, as ``opts``.

    Pass ``OVERRIDABLE`` as the context settings, so that values may start with a dash.
    """
    command = click.argument("opts", nargs=-1, metavar="[KEY VALUE]...", callback=_pairs)(command)
    return OPT(command)


OVERRIDABLE = {"ignore_unknown_options": True}


def _pairs(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse an unknown option in the place of a key."""
    for word in words[::2]:
        if word.startswith("-"):
            known = [name for one in ctx.command.params for name in one.opts]
            raise click.NoSuchOption(word, possibilities=get_close_matches(word, known), ctx=ctx)
    if len(words) % 2:
        raise click.UsageError(
            f"expected KEY VALUE pairs at the end, got {len(words)} words: {words[-1]!r} has no "
            "value."
        )
    return words


def joined(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Alternating keys and values, as ``load_cfg`` takes them."""
    return [word for pair in pairs for word in pair]
