"""`vatwatch backup`: the database in one file."""

from __future__ import annotations

from pathlib import Path

import click

from vatwatch.cli.common import read_settings


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def backup(file: Path, force: bool) -> None:
    """Write the database to FILE, in pg_dump's custom format, while the service runs.

    FILE is there when it is whole, and not before. pg_restore reads it. With an embedded PostgreSQL
    the service need not run. Exits with 1 if there is no backup.
    """
    from vatwatch.cli.postgres_programs import backup as write_backup

    write_backup(read_settings(), file, force=force)
