"""`vatwatch psql`: look into the database."""

from __future__ import annotations

import sys

import click

from vatwatch.cli.common import read_settings


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS...]")
def psql(words: tuple[str, ...]) -> None:
    """Open the service's database in the psql that fits its server.

    What stands behind -- is psql's: vatwatch psql -- -c "SELECT count(*) FROM snapshots". The exit
    code is psql's. With an embedded PostgreSQL the service need not run.
    """
    from vatwatch.cli.postgres_programs import psql as run_psql

    sys.exit(run_psql(read_settings(), words))
