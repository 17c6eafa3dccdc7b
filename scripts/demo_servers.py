"""A PostgreSQL and a Redis for `make demo WORKERS=3`, which several workers share.

    python scripts/demo_servers.py DIRECTORY

Writes how they are reached into the file `addresses` there, as lines for a shell, once both answer.
Ends both at SIGTERM, and when one of them ends.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlencode

from psycopg2.extensions import parse_dsn
from redis import Redis, exceptions

from vatwatch.storage.embedded import EmbeddedPostgres

POLL_S = 0.2


def main(directory: Path) -> int:
    """Serve until SIGTERM."""
    program = shutil.which("redis-server")
    if program is None:
        sys.stderr.write("Several workers need a Redis: install redis-server.\n")
        return 1
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda which, _frame: ended.append(which))
    addresses = directory / "addresses"
    addresses.unlink(missing_ok=True)
    # A socket's path must be short.
    sockets = Path(mkdtemp(prefix="vatwatch-demo-"))
    redis_url = f"unix://{sockets}/redis.sock"
    postgres = EmbeddedPostgres(directory)
    command = [program, "--port", "0", "--unixsocket", f"{sockets}/redis.sock", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as redis:
        try:
            words = parse_dsn(postgres.start())
            database_url = f"postgresql:///{words.pop('dbname')}?{urlencode(words)}"
            while not ended and redis.poll() is None and not _answers(redis_url):
                time.sleep(POLL_S)
            addresses.write_text(f"DATABASE_URL='{database_url}'\nREDIS_URL='{redis_url}'\n")
            while not ended and redis.poll() is None and postgres.running():
                time.sleep(POLL_S)
        finally:
            addresses.unlink(missing_ok=True)
            redis.terminate()
            postgres.stop()
            shutil.rmtree(sockets, ignore_errors=True)
    return 0


def _answers(url: str) -> bool:
    try:
        return bool(Redis.from_url(url).ping())
    except exceptions.ConnectionError:
        return False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
