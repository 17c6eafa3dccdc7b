"""The commands, one module each."""

from __future__ import annotations

from typing import Any

import click

from vatwatch import __version__
from vatwatch.cli import (
    backup,
    check,
    completion,
    doctor,
    keys,
    psql,
    replay,
    run,
    simulate,
    status,
    top,
    verify,
)
from vatwatch.errors import VatwatchError


class _Commands(click.Group):
    """Shows our own errors as one line and exits with 1; for click's own errors the exit code is
    2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except VatwatchError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """vatwatch watches the VATSIM network, keeps everything that it sees, tells anyone who asks.

    Settings come from the environment, a .env and a vatwatch.toml: see docs/configuration.md.
    """


main.add_command(run.run)
main.add_command(check.check)
main.add_command(doctor.doctor)
main.add_command(status.status)
main.add_command(replay.replay)
main.add_command(top.top)
main.add_command(simulate.simulate)
main.add_command(verify.verify)
main.add_command(keys.keys)
main.add_command(psql.psql)
main.add_command(backup.backup)
main.add_command(completion.completion)
