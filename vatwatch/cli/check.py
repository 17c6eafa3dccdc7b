"""`vatwatch check`: the settings in force, and whether they lead anywhere."""

from __future__ import annotations

import json
import sys

import click

from vatwatch.cli.common import keep_secrets_from_stderr
from vatwatch.redaction import hide


@click.command()
@click.option("--offline", is_flag=True, help="Ask neither PostgreSQL nor Redis.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")
@click.option("--host", help="As in `vatwatch run`.")
@click.option("--port", type=click.IntRange(1, 65535), help="As in `vatwatch run`.")
@click.option("--workers", type=click.IntRange(1), help="As in `vatwatch run`.")
def check(
    offline: bool, as_json: bool, host: str | None, port: int | None, workers: int | None
) -> None:
    """Show the settings in force and where each comes from, and look for faults.

    Secrets are masked. PostgreSQL and Redis are asked once. Nothing is started or changed, so it
    can be run beside the service. Exits with 1 if there is a fault: a setting that is refused, a
    database or a Redis that does not answer, a database of another version.
    """
    from vatwatch.cli.settings_check import check as look
    from vatwatch.cli.settings_check import lines
    from vatwatch.config.settings import read

    given = {"VATWATCH_HOST": host, "PORT": port, "VATWATCH_WORKERS": workers}
    reading = read(overrides=given, for_service=True)
    hide(reading.secrets())
    keep_secrets_from_stderr()
    report = look(reading, offline=offline)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        for line in lines(report):
            click.echo(line)
    if report.faults:
        sys.exit(1)
