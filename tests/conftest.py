"""A real PostgreSQL and a real Redis for the tests, started here and stopped at the end."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402 - gevent patches before anything else is imported

import gzip
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg2
import pytest
import redis

from vatwatch.storage.embedded import EmbeddedPostgres

# Machines are slow at times: no test fails by the clock. What failed once is tried first.
hypothesis.settings.register_profile("vatwatch", deadline=None, print_blob=True)
hypothesis.settings.load_profile("vatwatch")

START_S = 20.0


@pytest.fixture(autouse=True)
def only_the_settings_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in the environment of whoever runs the tests is none of theirs."""
    for name in [*os.environ]:
        if name.startswith(("VATWATCH_", "VATSIM_")) or name in ("DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def captures() -> Path:
    """Real captures of the feeds; they stand beside the project, or where the variable says."""
    place = Path(os.environ.get("CAPTURES", Path(__file__).parents[2] / "shared" / "captures"))
    if not place.is_dir():
        pytest.skip(f"no captures in {place}: set CAPTURES to a directory of them")
    return place


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server, for as long as the tests run."""
    unsafe = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    cluster = EmbeddedPostgres(tmp_path_factory.mktemp("postgresql"), settings=unsafe)
    yield cluster.start()
    cluster.stop()


@pytest.fixture
def database_url(postgresql: str) -> Iterator[str]:
    """The address of an empty database of the test's own."""
    name = f"test_{uuid.uuid4().hex}"
    admin = psycopg2.connect(postgresql)
    admin.autocommit = True
    with admin.cursor() as cur:
        cur.execute(f"CREATE DATABASE {name}")
    yield postgresql.replace("dbname=vatwatch", f"dbname={name}")
    with admin.cursor() as cur:
        cur.execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis server, for as long as the tests run."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.fail("redis-server is not installed: run `make test`, which installs it")
    directory = tmp_path_factory.mktemp("redis")
    socket = directory / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir"]
    with subprocess.Popen([*command, str(directory)], stdout=subprocess.DEVNULL) as server:
        url = f"unix://{socket}"
        deadline = time.monotonic() + START_S
        while True:
            try:
                redis.Redis.from_url(url).ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "Redis does not start"
                time.sleep(0.05)
        yield url
        server.terminate()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The address of an empty Redis."""
    redis.Redis.from_url(redis_server).flushall()
    return redis_server


@pytest.fixture(scope="session")
def boundaries() -> bytes:
    """The network's FIR boundaries as GeoJSON; they stand beside the project like the captures."""
    place = Path(os.environ.get("GEO", Path(__file__).parents[2] / "shared" / "geo"))
    file = place / "Boundaries.geojson.gz"
    if not file.is_file():
        pytest.skip(f"no {file}: set GEO to a directory that has it")
    return gzip.decompress(file.read_bytes())
