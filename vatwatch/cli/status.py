"""`vatwatch status`: how a running service is, on one screen."""

from __future__ import annotations

import json
import sys

import click

from vatwatch.cli.common import keep_secrets_from_stderr
from vatwatch.redaction import hide


@click.command()
@click.option("--url", help="Address of the service. [VATWATCH_HOST and PORT of the settings]")
@click.option("--key", help="An API key, if reading needs one. [the first of VATWATCH_API_KEYS]")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1, max=3600),
    default=5.0,
    show_default=True,
    help="Seconds to wait for each answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")
def status(url: str | None, key: str | None, timeout_s: float, as_json: bool) -> None:
    """Show the state of a running service: health, feed, network, database, alerts.

    Exits with 0 if it is healthy, 1 if it is degraded or unhealthy, 2 if it does not answer or
    refuses the question.
    """
    from vatwatch.cli.service_client import ServiceClient
    from vatwatch.cli.service_status import as_document, ask, exit_code, screen
    from vatwatch.config.settings import read
    from vatwatch.listening import authority

    # Of the settings, two sections are of use; faults in others are none of this command.
    reading = read()
    hide(reading.secrets())
    keep_secrets_from_stderr()
    web, access = reading.sections.get("web"), reading.sections.get("access")
    if url is None and web is None:
        raise click.UsageError("PORT or VATWATCH_HOST is not valid: see vatwatch check, or --url")
    if url is None and web is not None:
        url = f"http://{authority(web.host, web.port)}"
    if key is None and access is not None and access.api_keys:
        key = access.api_keys[0].get_secret_value()
    found = ask(ServiceClient(url or "", key, timeout_s=timeout_s))
    if as_json:
        click.echo(json.dumps(as_document(found), indent=2))
    else:
        for line in screen(found):
            click.echo(line)
    sys.exit(exit_code(found))
