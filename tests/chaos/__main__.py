"""`make chaos`: see the package."""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from tests.chaos.house import Scale
from tests.chaos.run import Outcome, Report, run, table


def main() -> None:
    """Run, print, and say by the exit code whether the promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=500, help="how many, at most")
    parser.add_argument("--seconds", type=float, help="for how long, at most")
    parser.add_argument("--seed", type=int, default=1, help="the order of the faults")
    parser.add_argument("--pilots", type=int, default=150)
    parser.add_argument("--speed", type=float, default=30.0, help="simulated time to real time")
    parser.add_argument("--keep", type=Path, help="a directory to keep data and logs in")
    options = parser.parse_args()
    scale = Scale(options.pilots, options.seed, options.speed)
    console = Console()

    def tell(number: int, outcome: Outcome) -> None:
        took = "NOT RECOVERED" if outcome.recovered_s is None else f"{outcome.recovered_s:.2f} s"
        console.print(f"{number:4} {outcome.kind:28} {outcome.detail:24} {took}", highlight=False)

    with TemporaryDirectory(prefix="chaos-") as temporary:
        report = run(
            options.keep or Path(temporary),
            faults=options.faults,
            seed=options.seed,
            seconds=options.seconds,
            scale=scale,
            tell=tell,
        )
    show(console, report)
    sys.exit(not report.holds)


def show(console: Console, report: Report) -> None:
    """The table, and the verdict."""
    shown = Table(title=f"{len(report.outcomes)} faults")
    for name in ("fault", "count", "recovered", "median s", "max s"):
        shown.add_column(name, justify="left" if name == "fault" else "right")
    for row in table(report):
        shown.add_row(*map(str, row))
    console.print(shown)
    if report.verdict is not None:
        console.print(str(report.verdict))
    for complaint in report.complaints:
        console.print(complaint, style="red")
    console.print("The promise was kept." if report.holds else "The promise was NOT kept.")


if __name__ == "__main__":
    main()
