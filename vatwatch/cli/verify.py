"""`vatwatch verify`: how often the rules are right, on simulated traffic whose truth is known."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@click.command()
@click.option(
    "--pilots",
    default=200,
    show_default=True,
    type=click.IntRange(1, 5_000),
    help="Pilots on the simulated network; controllers, ATIS and prefiles in proportion.",
)
@click.option(
    "--hours",
    default=24.0,
    show_default=True,
    type=click.FloatRange(0.01, 24 * 31),
    help="Simulated time.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same traffic.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def verify(pilots: int, hours: float, seed: int, as_json: bool) -> None:
    """Derive a simulated day, and compare it with what really happened.

    For flights, take-offs, landings, gate times, airports, sessions, frequencies and ATIS letters:
    how many were found, missed and invented, and how many seconds they were off. For the ETA: how
    many minutes it was off. docs/accuracy.md explains the tables. No database is used, and nothing
    is stored.

    Exits with 1 if an aim was missed: each flight and each session found as one, 99 % of the
    take-offs and landings within one snapshot, nothing invented.
    """
    from vatwatch.verification.day import count_snapshots, verify_day
    from vatwatch.verification.report import report_json, report_text

    with Progress(
        TextColumn("deriving"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task("", total=count_snapshots(hours))
        verification = verify_day(pilots, hours, seed, advanced=lambda: progress.advance(task))
    if as_json:
        click.echo(json.dumps(report_json(verification), indent=2))
    else:
        click.echo(report_text(verification), nl=False)
    if verification.missed:
        sys.exit(1)
