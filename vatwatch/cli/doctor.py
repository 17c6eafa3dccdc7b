"""`vatwatch doctor`: looks at everything that the service depends on, and says what to do."""

from __future__ import annotations

import json
import os
import sys

import click

from vatwatch.cli.common import keep_secrets_from_stderr


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1, max=3600),
    default=20.0,
    show_default=True,
    help="Seconds after which what does not answer is left behind.",
)
@click.option("--host", help="As in `vatwatch run`.")
@click.option("--port", type=click.IntRange(1, 65535), help="As in `vatwatch run`.")
@click.option("--workers", type=click.IntRange(1), help="As in `vatwatch run`.")
def doctor(
    as_json: bool, timeout_s: float, host: str | None, port: int | None, workers: int | None
) -> None:
    """Look at settings, home, port, limits, disk, database, Redis, feed and clocks.

    Each finding is ok, a warning or a fault, and says what to do. Nothing is started, changed or
    written, so it can be run before the first start and beside the service. Exits with 1 if there
    is a fault.
    """
    from vatwatch.cli.examination.examine import examine
    from vatwatch.cli.examination.findings import FindingState
    from vatwatch.cli.examination.report import document, lines

    keep_secrets_from_stderr()
    given = {"VATWATCH_HOST": host, "PORT": port, "VATWATCH_WORKERS": workers}
    examined = examine(given, timeout_s=timeout_s)
    if as_json:
        click.echo(json.dumps(document(examined), indent=2))
    else:
        for line in lines(examined):
            click.echo(line)
    code = int(examined.state is FindingState.FAULT)
    if examined.left_behind:
        # Threads that hang would keep the process from ending.
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)
