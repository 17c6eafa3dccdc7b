"""`vatwatch run`: the service itself."""

from __future__ import annotations

import click

from vatwatch.cli.common import read_settings


@click.command()
@click.option("--host", help="Address to listen on. [VATWATCH_HOST, 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. [PORT, 8001]")
@click.option("--workers", type=click.IntRange(1), help="Worker processes. [VATWATCH_WORKERS, 1]")
def run(host: str | None, port: int | None, workers: int | None) -> None:
    """Collect, keep and serve: the service itself."""
    from vatwatch.server import serve  # gunicorn is for this command alone

    serve(read_settings(for_service=True, VATWATCH_HOST=host, PORT=port, VATWATCH_WORKERS=workers))
