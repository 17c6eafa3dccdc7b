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
@click.option(
    "--restarts",
    default=0,
    show_default=True,
    type=click.IntRange(0, 1_000),
    help="Kill the deriving process so often within the time. It goes on from what it has written.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def verify(pilots: int, hours: float, seed: int, restarts: int, as_json: bool) -> None:
    """Derive a simulated day, and compare it with what really happened.

    For flights, take-offs, landings, gate times, airports, sessions, frequencies, ATIS letters and
    radio contacts, and who is in which area: how many were found, missed and invented, and how many
    seconds they were off. For the ETA: how many minutes it was off. For the expected loads of FIRs
    and sectors: by how many aircraft. docs/accuracy.md explains the tables. Nothing is stored. No
    database is used, but with --restarts a PostgreSQL in a temporary directory, which ends with the
    command.

    Exits with 1 if an aim was missed: each flight and each session found as one, 99 % of the
    take-offs, landings, contacts and crossings within one snapshot, nothing invented.
    """
    from vatwatch.errors import EmbeddedPostgresError
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
        try:
            verification = verify_day(
                pilots,
                hours,
                seed,
                restarts=restarts,
                advanced=lambda: progress.advance(task),
            )
        except EmbeddedPostgresError as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(report_json(verification), indent=2))
    else:
        click.echo(report_text(verification), nl=False)
    if verification.missed:
        sys.exit(1)
