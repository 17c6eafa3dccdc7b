"""`vatwatch replay`: captures through the pipeline."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vatwatch.cli.common import read_settings


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH...",
)
def replay(paths: tuple[Path, ...]) -> None:
    """Feed captured snapshots through the same pipeline, oldest first.

    A PATH is a capture (.json, .json.gz), a journal entry, or a directory of them. What is stored
    already is not stored again. Exits with 1 if any capture could not be used.
    """
    from vatwatch.cli.capture_replay import replay as replay_captures

    if not replay_captures(read_settings(for_service=True), paths):
        sys.exit(1)
