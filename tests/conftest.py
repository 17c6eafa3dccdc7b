"""A real PostgreSQL and a real Redis for the tests, started here and stopped at the end."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402 - gevent patches before anything else is imported

import gzip
import os
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import hypothesis
import psycopg2
import pytest
import redis
from gevent.monkey import get_original
from psycopg2.extensions import parse_dsn

from vatwatch.logs.context import NOTHING, work_on
from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.storage.migrate import migrate
from vatwatch.storage.reference import write_airports

# Machines are slow at times: no test fails by the clock. What failed once is tried first.
hypothesis.settings.register_profile("vatwatch", deadline=None, print_blob=True)
hypothesis.settings.load_profile("vatwatch")

START_S = 20.0
# Between two looks for the next test.
LOOK_S = 0.005
# No test cuts the power: what a process has written is there, also after kill -9.
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# Real captures of the feeds, which are not in the repository. Without them nothing is skipped:
# tests/captures is not collected.
CAPTURES = Path(os.environ["CAPTURES"]) if os.environ.get("CAPTURES") else None
collect_ignore = [] if CAPTURES else ["captures"]
# Servers that take a while to come up, for `make test-ha`.
if not os.environ.get("HA_TURNS"):
    collect_ignore.append("ha")
# Real files of areas beside them, in a folder of their own.
if CAPTURES and not (CAPTURES.parent / "geo").is_dir():
    collect_ignore.append("captures/test_real_areas.py")


# Tests that start a PostgreSQL, a Redis or the service itself: `make test-fast` leaves them out.
SERVERS = (
    "actors", "chaos", "captures", "cli", "test_second_start.py", "test_server.py",
    "storage/test_embedded", "storage/test_directory_lock.py", "vatsim_simulator/test_command.py",
    "test_signals.py", "test_newer_database.py", "test_secrets.py", "browser",
)  # fmt: skip
SERVER_FIXTURES = {"postgresql", "redis_server"}
# What a module has that starts the service itself (tests/process.py) or servers (replicas.py,
# sentinels.py).
STARTERS = {"started", "Process", "pair_in", "guarded_in"}


# They take longest, and come first when several processes share the files: no process should be
# left alone with one of them at the end.
LONGEST = (
    "chaos/test_chaos.py", "actors/test_every_actor.py", "chaos/test_workers.py", "test_secrets.py",
    "actors/test_alert_history.py", "test_signals.py", "actors/test_feed_clocks.py",
    "storage/test_embedded_leftovers.py", "actors/test_snapshot.py", "cli/test_replay.py",
    "chaos/test_outage.py", "test_server.py", "actors/test_errors.py", "actors/test_areas.py",
    "actors/test_weather.py", "actors/test_fetcher.py", "actors/test_blame.py",
    "actors/test_alerter.py", "actors/test_hot_reload.py", "actors/test_watchers.py",
    "actors/test_hub_cpu.py", "actors/test_odd_feeds.py", "client/test_stream.py",
)  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests that need a server, and with several processes start the longest files first."""
    for item in items:
        # The processes that share the tests know them by their names.
        if re.search(r" at 0x[0-9a-f]+", item.nodeid):
            raise pytest.UsageError(f"{item.nodeid} has another name in each run: give it an id")
    here = Path(__file__).parent
    places = {item: item.path.relative_to(here).as_posix() for item in items}
    for item, place in places.items():
        if (
            place.startswith(SERVERS)
            or SERVER_FIXTURES & {*getattr(item, "fixturenames", ())}
            or STARTERS & {*vars(getattr(item, "module", None) or object)}
        ):
            item.add_marker("servers")
    if hasattr(config, "workerinput"):
        servers = {item.path for item in items if item.get_closest_marker("servers")}
        items.sort(key=lambda item: place_in_line(places[item], item.path in servers))


# It draws maps without a GPU, which takes both cores: beside tests that mind no delay.
DRAWS = "browser/test_page.py"


def place_in_line(place: str, starts_servers: bool) -> int:
    """The longest first, then the others with a server, then the rest."""
    if place in LONGEST:
        return LONGEST.index(place)
    if place == DRAWS:
        return len(LONGEST) + 1
    return len(LONGEST) + (0 if starts_servers else 2)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(
    session: pytest.Session, exitstatus: int
) -> Generator[None, object, object]:
    """In CI a test that is skipped is a failure: on a fresh clone it would not exist."""
    result = yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and exitstatus == 0 and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return result


def pytest_sessionstart(session: pytest.Session) -> None:
    """In one of several processes (pytest-xdist), let a native thread hand out the next test.

    The lock and the event between that thread and the tests would be gevent's, which may miss what
    a thread does that it does not know: once in some ten thousand tests both waited for ever.
    """
    for plugin in session.config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor":
            queue = plugin.torun
            assert queue._lock
            assert queue._has_items_event
            queue._lock = get_original("threading", "_CRLock")()
            queue._has_items_event = PolledEvent()


class PolledEvent:
    """An event whose waiter looks again and again: nobody has to wake it."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def clear(self) -> None:
        self._is_set = False

    def wait(self) -> None:
        while not self._is_set:
            gevent.sleep(LOOK_S)


@pytest.fixture(autouse=True)
def for_no_request() -> None:
    """What a test logs and asks belongs to none of those before it."""
    work_on(NOTHING)


@pytest.fixture(autouse=True)
def only_the_settings_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove settings from the environment, so that they do not affect the tests."""
    for name in [*os.environ]:
        if name.startswith(("DATABASE_", "VATWATCH_", "VATSIM_")) or name == "REDIS_URL":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def captures() -> Path:
    """A directory of feeds: ours (tests/feeds), or real captures with `make test CAPTURES=dir`."""
    return CAPTURES or Path(__file__).parent / "feeds"


@pytest.fixture(scope="session")
def boundaries() -> bytes:
    """Areas as GeoJSON, with the faults of the network's own file."""
    return gzip.decompress((Path(__file__).parent / "feeds" / "boundaries.geojson.gz").read_bytes())


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server, for as long as the tests run."""
    cluster = EmbeddedPostgres(tmp_path_factory.mktemp("postgresql"), settings=UNSAFE)
    yield cluster.start()
    cluster.stop()


@pytest.fixture(scope="session")
def home_with_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose cluster has the tables of a first start; nothing runs in it. Copy it."""
    home = tmp_path_factory.mktemp("made") / "home"
    cluster = EmbeddedPostgres(home)
    make_tables(cluster.start())
    cluster.stop()
    data = home / "postgres" / "data"
    # Files of 1 MB for its log, of 16 MB else, which each copy would have.
    program = Path(cluster.binaries) / "pg_resetwal"
    command = [
        *cluster._user.command(cluster._places(), dies_with_us=False),
        program,
        "--wal-segsize=1",
        data,
    ]
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.writelines(f"{name} = {value}\n" for name, value in UNSAFE.items())
    return home


def copied(home: Path, place: Path) -> Path:
    """A copy of a home, with owners and modes."""
    subprocess.run(["cp", "-a", str(home), str(place)], check=True)
    return place


@pytest.fixture
def home(home_with_cluster: Path, tmp_path: Path) -> Path:
    """A home of the test's own, in `tmp_path`, whose first start finds what it would make."""
    return copied(home_with_cluster, tmp_path / "home")


@pytest.fixture(scope="module")
def shared_home(home_with_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for a service that several tests of a module share."""
    return copied(home_with_cluster, tmp_path_factory.mktemp("shared") / "home")


@pytest.fixture(scope="session")
def made_database(postgresql: str) -> Iterator[str]:
    """The name of a database with the schema and the airports, from which others are copied."""
    with empty_database(postgresql) as url:
        make_tables(url)
        yield str(parse_dsn(url)["dbname"])


@pytest.fixture(scope="session")
def migrated_database(postgresql: str) -> Iterator[str]:
    """The name of a database with the schema and no rows, from which others are copied."""
    with empty_database(postgresql) as url:
        make_tables(url, airports=False)
        yield str(parse_dsn(url)["dbname"])


def make_tables(url: str, *, airports: bool = True) -> None:
    """Do to an empty database what the service's first start does."""
    conn = psycopg2.connect(url)
    migrate(conn)
    if airports:
        write_airports(conn)
    conn.commit()
    conn.close()


@pytest.fixture
def database_url(postgresql: str, made_database: str) -> Iterator[str]:
    """The address of a database of the test's own as the service leaves it after its first start.

    A first start writes 28,000 airports, which takes longer than most tests, and its tables are
    missing until then. What an empty database becomes is seen by those that ask for one.
    """
    with copied_database(postgresql, made_database) as url:
        yield url


@contextmanager
def copied_database(postgresql: str, template: str) -> Iterator[str]:
    """The address of a new database, a copy of another, for as long as it is needed."""
    name = f"test_{uuid.uuid4().hex}"
    admin = psycopg2.connect(postgresql)
    admin.autocommit = True
    # Through the log, as it is done without this since 15, it takes four times as long.
    strategy = "STRATEGY FILE_COPY" if admin.server_version >= 150_000 else ""
    with admin.cursor() as cur:
        cur.execute(f"CREATE DATABASE {name} TEMPLATE {template} {strategy}")
    try:
        yield postgresql.replace("dbname=vatwatch", f"dbname={name}")
    finally:
        with admin.cursor() as cur:
            cur.execute(f"DROP DATABASE {name} WITH (FORCE)")
        admin.close()


@contextmanager
def empty_database(postgresql: str) -> Iterator[str]:
    """The address of an empty database on a server, for as long as it is needed."""
    with copied_database(postgresql, "template1") as url:
        yield url


@pytest.fixture
def empty_database_url(postgresql: str) -> Iterator[str]:
    """The address of an empty database of the test's own."""
    with empty_database(postgresql) as url:
        yield url


@pytest.fixture
def migrated_database_url(postgresql: str, migrated_database: str) -> Iterator[str]:
    """The address of a database of the test's own that has the schema and no rows."""
    with copied_database(postgresql, migrated_database) as url:
        yield url


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
