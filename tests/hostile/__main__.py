"""`make hostile`: see the package."""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import resource
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from tests.feed_server import FeedServer
from tests.hostile.run import HostileRun
from tests.hostile.settings import settings
from tests.process import started

# Connections that say nothing are closed after this long, and opened again.
CLIENT_TIMEOUT_S = 20


def main() -> None:
    """Run, print, and say by the exit code whether all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--warm-up", type=int, default=10_000, help="requests before them")
    parser.add_argument("--idle", type=int, default=1000, help="connections that say nothing")
    parser.add_argument("--update", type=float, default=5.0, help="seconds between two updates")
    parser.add_argument("--pilots", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    start = datetime.now(UTC) - timedelta(hours=12)
    with (
        TemporaryDirectory(prefix="hostile-") as place,
        FeedServer(pilots=options.pilots, start=start) as feeds,
        started(
            Path(place) / "home", Path(place) / "log", **settings(feeds, CLIENT_TIMEOUT_S)
        ) as service,
    ):
        service.until_ready()
        run = HostileRun(service, feeds, options.seed, options.update, options.idle)
        run.go(options.warm_up)
        run.go(options.requests)
        late, leaks = run.late(), run.leaks()
        said = service.said()
    faults = [*run.seen.faults, *leaks, *(f"stored late: {one}" for one in late)]
    if "Traceback" in said:
        faults.append("the service has written a traceback:" + said.partition("Traceback")[2])
    show(run, faults)
    sys.exit(bool(faults))


def show(run: HostileRun, faults: list[str]) -> None:
    """The tables, and the verdict."""
    console = Console(file=sys.stdout, width=180, highlight=False)
    statuses = sorted({status for _, status in run.seen.answers})
    table = Table("kind", *(str(status or "none") for status in statuses))
    for kind in sorted({kind for kind, _ in run.seen.answers}):
        table.add_row(kind, *(f"{run.seen.answers[kind, status]:,}" for status in statuses))
    console.print(table)
    console.print(
        f"{sum(run.seen.answers.values()):,} answers in {run.took_s:,.0f} s, {run.seen.overloads} "
        f"of them 503 with Retry-After; {run.idle} idle connections, opened again "
        f"{run.reopened:,} times; {len(run.updates)} updates, "
        f"each stored after {run.slowest_s:.1f} s at most"
    )
    for name, one in zip(("after the warm-up", "at the end"), run.readings, strict=True):
        console.print(
            f"{name}: {one.mib:.0f} MiB, {one.descriptors} descriptors, {one.threads} threads"
        )
    for fault in faults[:40]:
        console.print(fault, style="red", markup=False)
    console.print(f"{len(faults)} faults")


if __name__ == "__main__":
    main()
