"""``batch``: cut millions of photos, on this machine or on a Ray cluster."""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from vx_detectron.cli.common import (
    FAILED,
    INTERRUPTED,
    NO_SUBJECT,
    OK,
    PARTLY,
    USAGE,
    Command,
    Number,
    fail,
    say,
    with_options,
)
from vx_detectron.cli.isolate.options import CHOICE, PICTURE, REFINEMENT

if TYPE_CHECKING:  # loaded when they are needed: --help must not wait for them
    from vx_detectron.batch.order import Cluster, Order
    from vx_detectron.batch.run import Summary

_EXITS = (OK, FAILED, USAGE, NO_SUBJECT, PARTLY, INTERRUPTED)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def _bytes(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """A size such as 2GB."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9.]+)\s*([kmgt]?)b?", value.strip().lower())
    try:
        return int(float(found[1]) * _UNITS[found[2]]) if found else int(value)
    except ValueError as error:
        raise click.BadParameter(f"expected a size such as 500MB or 2GB, got {value!r}") from error


def _range(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """N or MIN:MAX."""
    if value is None:
        return None
    low, _, high = value.partition(":")
    try:
        found = int(low), int(high or low)
    except ValueError:
        found = 0, 0
    if not 1 <= found[0] <= found[1]:
        raise click.BadParameter(f"expected N or MIN:MAX from 1 up, got {value!r}")
    return found


@click.command(cls=Command, name="batch", exits=_EXITS)
@click.argument("source", metavar="IN")
@click.option("-o", "--output", required=True, metavar="OUT", help="A folder or URL for results "
              "and records. With an earlier run's OUT, only what is missing is done.")  # fmt: skip
@click.option("--to", "target", type=click.Choice(["pictures", "shards", "records"]),
              default="pictures", show_default=True, help="Single pictures, WebDataset shards of "
              "them, or records alone.")  # fmt: skip
@click.option("--compare", type=click.Choice(["content", "listing"]), default="content",
              show_default=True, help="How to recognise photos that were done before: by their "
              "bytes, or by size and time (or ETag), without reading them.")  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Try photos again that failed before.")
@click.option("--overwrite", is_flag=True, help="Replace results that were made with other "
              "options.")  # fmt: skip
@click.option("--all-masks", is_flag=True, help="Record the mask of every instance, not only the "
              "subject's.")  # fmt: skip
@click.option("--plan", "only_plan", is_flag=True, help="Cut a few photos to estimate the time, "
              "memory and disk space that the run needs. Nothing is written.")  # fmt: skip
@click.option("--watch", is_flag=True, help="Keep processing photos as they arrive, until Ctrl-C.")
@click.option("--settle", type=Number(0.1, 3600), default=2.0, show_default=True, metavar="S",
              help="With --watch: process a file once it has not changed for this many "
              "seconds.")  # fmt: skip
@click.option("--every", type=Number(0.1, 86400), default=30.0, show_default=True, metavar="S",
              help="With --watch: seconds between two listings of an object store.")  # fmt: skip
@click.option("--address", metavar="ADDRESS", help="A Ray cluster, such as auto or HOST:6379.  "
              "[default: Ray is started on this machine and stops with the run]")  # fmt: skip
@click.option("--workers", callback=_range, metavar="N|MIN:MAX", help="The number of worker "
              "processes.  [default: as many as fit]")  # fmt: skip
@click.option("--cpus", type=Number(0, 1024), default=1.0, show_default=True, metavar="N",
              help="Cores per worker.")  # fmt: skip
@click.option("--gpus", type=Number(0, 64), default=0.0, show_default=True, metavar="N",
              help="GPUs per worker; 0.5 puts two workers on one GPU.")  # fmt: skip
@click.option("--memory", callback=_bytes, metavar="SIZE", help="Memory to reserve in Ray for each "
              "worker, such as 2GB.")  # fmt: skip
@click.option("--object-store", callback=_bytes, default="256MB", show_default=True, metavar="SIZE",
              help="Ray's shared memory, if Ray is started here.")  # fmt: skip
@click.option("--dashboard/--no-dashboard", default=True, help="Ray's dashboard, on loopback, "
              "if Ray is started here.  [default: dashboard]")  # fmt: skip
@click.option("--metrics", type=click.IntRange(0, 65535), metavar="PORT", help="Serve Prometheus "
              "metrics on this port, on loopback.")  # fmt: skip
@with_options(*PICTURE, *CHOICE, *REFINEMENT)
@click.option("-v", "--verbose", is_flag=True, help="Print more: every failure by kind.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def main(source: str, **options: Any) -> None:
    """Cut the main subject out of very many photos, on this machine or on a Ray cluster.

    IN is a folder, a pattern such as "photos/**/*.jpg", a URL such as s3://BUCKET/PREFIX, a
    list (.parquet or .csv with a column `path`), or one or more WebDataset .tar files.

    \b
    Examples:
      {prog} photos -o cut                       a folder; run it again to resume
      {prog} photos -o cut --plan                how long it will take, and how much disk space
      {prog} s3://shop/new -o s3://shop/cut --format webp --background transparent
      {prog} list.parquet -o cut --to shards     options for each photo in its row
      {prog} inbox -o cut --watch
      {prog} s3://shop/new -o s3://shop/cut --address auto --gpus 0.5

    OUT receives pictures/ (the input's names, with _cutout.png added) or shards/, records/*.parquet
    with one row per photo, and report.html. A photo is not cut again if a record has the same name,
    content and options. After a crash or a kill, run the same command to resume. It needs
    pip install "vx-detectron[batch]".
    """  # noqa: D301
    sys.exit(_run(source, options))


def _run(source: str, options: dict[str, Any]) -> int:
    from vx_detectron.batch.estimate import estimate
    from vx_detectron.batch.progress import Progress
    from vx_detectron.batch.run import run_batch
    from vx_detectron.batch.watch import watch_batch

    order, cluster = _order(source, options), _cluster(options)
    quiet = options["quiet"]

    def tell(line: str) -> None:
        if not quiet:
            say(line)

    if options["only_plan"]:
        for line in estimate(order, cluster).lines():
            click.echo(line)
        return OK
    if options["watch"]:
        pauses = {"settle": options["settle"], "every": options["every"]}
        summary = watch_batch(order, cluster, say=tell, **pauses)
    else:
        bar = sys.stderr.isatty() and not quiet
        progress = Progress(tell, bar=bar, metrics=options["metrics"])
        try:
            summary = run_batch(order, cluster, progress=progress, say=tell)
        except KeyboardInterrupt:
            tell("Interrupted: what is done is kept; run the same command to resume")
            raise
    return _sum_up(summary, order, tell, options["verbose"])


def _order(source: str, options: dict[str, Any]) -> Order:
    """The checked request."""
    from vx_detectron.batch.order import Order
    from vx_detectron.cli.isolate.settings import read_settings

    if options["only_plan"] and options["watch"]:
        raise click.UsageError("choose --plan or --watch, not both.")
    if options["metrics"] is not None and options["watch"]:
        raise click.UsageError("--metrics does not work with --watch; leave one of them out.")
    if options["target"] == "records":
        for name in ("format", "quality", "background", "mask_only", "crop"):
            if options[name]:
                raise click.UsageError(
                    f"--to records writes no picture; leave --{name.replace('_', '-')} out."
                )
    no_hints = {"keep": (), "drop": (), "strokes": None, "start": None}
    settings = read_settings({**no_hints, **options, "output": None})
    return Order(
        source,
        options["output"],
        settings.cfg,
        settings.choice,
        settings.finish,
        settings.fingerprint,
        options["target"],
        options["compare"],
        options["retry_failed"],
        options["overwrite"],
        options["all_masks"],
    )


def _cluster(options: dict[str, Any]) -> Cluster:
    from vx_detectron.batch.order import Cluster

    return Cluster(
        options["address"],
        options["workers"],
        options["cpus"],
        options["gpus"],
        options["memory"],
        options["object_store"],
        options["dashboard"],
    )


def _sum_up(summary: Summary, order: Order, tell: Any, verbose: bool) -> int:
    """Print the summary, and return the exit code."""
    from vx_detectron.cli.isolate.batch import Status, exit_code

    words = [f"{count:,} {status}" for status, count in sorted(summary.counts.items()) if count]
    cut = sum(summary.counts.values()) - summary.counts["kept"]
    speed = f", {cut / summary.seconds:.1f} photos per second" if cut and summary.seconds else ""
    tell(f"{summary.found:,} photos: {', '.join(words) or 'nothing to do'}{speed}")
    for place, problem in summary.problems[:20]:
        fail(ValueError(f"{place}: {problem}"))
    if verbose:
        for kind, count in summary.kinds.most_common():
            tell(f"    {count:,} {kind}")
    tell(f"records and report: {order.output.rstrip('/')}/report.html")
    failed = summary.records["failed"] + len(summary.problems)
    statuses: Counter[Status] = Counter()
    statuses["done"], statuses["failed"] = summary.records["done"], failed
    statuses["no subject"] = summary.records["no subject"]
    return exit_code(statuses)


if __name__ == "__main__":
    main()
