"""A cluster starts again whatever its dead server, or a dead service, has left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import gevent
import psutil
import psycopg2
import pytest

from tests.actors.harness import until
from tests.conftest import copied
from tests.process import alive
from vatwatch.errors import EmbeddedPostgresError
from vatwatch.storage.directory_lock import NAME as LOCK
from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.storage.postgres_leftovers import running_server
from vatwatch.storage.postgres_user import ServerUser

WAIT_S = 60.0
UNSAFE = {"fsync": "off", "shared_buffers": "16MB"}
SOCKET = ".s.PGSQL.5432"


def rows(dsn: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(dsn)) as conn, conn.cursor() as cur:
        cur.execute("SELECT id FROM kept")
        return cur.fetchall()


def kill_all(data: Path) -> None:
    """kill -9 for each process of the server, and nothing is cleaned up."""
    while (running := running_server(data)) is not None:
        family = [running.process, *running.process.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):  # its helpers come and go
                process.kill()
        until(lambda f=family: not any(alive(process) for process in f))  # type: ignore[misc]


@pytest.fixture(scope="module")
def wreck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose service and server were killed."""
    home = tmp_path_factory.mktemp("wreck") / "home"
    cluster = EmbeddedPostgres(home, settings=UNSAFE)
    with closing(psycopg2.connect(cluster.start(WAIT_S))) as conn, conn.cursor() as cur:
        cur.execute("CREATE TABLE kept AS SELECT 1 AS id")
        conn.commit()
    kill_all(home / "postgres" / "data")
    cluster._lock.release()
    assert (home / "postgres" / "data" / "postmaster.pid").exists()
    return home


@pytest.fixture
def home(wreck: Path, tmp_path: Path) -> Path:
    home = copied(wreck, tmp_path / "home")
    (home / "postgres" / "socket").mkdir(exist_ok=True)
    return home


@pytest.fixture(scope="module")
def worn(wreck: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = copied(wreck, tmp_path_factory.mktemp("worn") / "home")
    yield home
    assert_starts(home)


@pytest.fixture
def worn_home(worn: Path, wreck: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A copy that the next test gets as this one leaves it: killed again.

    To copy it is most of what a start takes. After a test that fails it is a new copy.
    """
    failed = request.session.testsfailed
    sockets = worn / "postgres" / "socket"
    if not sockets.is_dir():
        sockets.unlink(missing_ok=True)
        sockets.mkdir()
    yield worn
    if request.session.testsfailed == failed:
        assert (worn / "postgres" / "data" / "postmaster.pid").exists(), "it was killed"
    else:
        shutil.rmtree(worn)
        copied(wreck, worn)


def assert_starts(home: Path, *, killed: bool = False) -> None:
    """It starts, has its row, and is stopped, or `killed`."""
    cluster = EmbeddedPostgres(home, settings=UNSAFE)
    try:
        assert rows(cluster.start(WAIT_S)) == [(1,)]
    finally:
        if killed:
            kill_all(home / "postgres" / "data")
        cluster.stop()


@contextmanager
def stranger() -> Iterator[int]:
    """A living process of the server's user, which is no PostgreSQL."""
    with subprocess.Popen(["sleep", "600"], cwd="/", user=ServerUser.choose().uid) as process:
        try:
            yield process.pid
            assert process.poll() is None, "whoever has the process id by now is left alone"
        finally:
            process.kill()


@contextmanager
def unreaped() -> Iterator[int]:
    """A process of the server's user that has ended, and whose parent does not wait for it."""
    with subprocess.Popen(
        ["sh", "-c", "sleep 600 & echo $!; exec sleep 600"],
        cwd="/",
        user=ServerUser.choose().uid,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        try:
            pid = int(parent.stdout.readline())
            while psutil.Process(parent.pid).name() != "sleep":
                time.sleep(0.01)  # as long as it is a shell it may wait for its child
            os.kill(pid, signal.SIGKILL)
            while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.01)
            yield pid
        finally:
            parent.kill()


@contextmanager
def known(pid: int) -> Iterator[int]:
    yield pid


HOLDERS: dict[str, Callable[[], object]] = {
    "a living stranger": stranger,
    "one that nobody has reaped": unreaped,
    "ourselves": lambda: known(os.getpid()),
    "our parent": lambda: known(os.getppid()),
    "init": lambda: known(1),
    "nobody": lambda: known(0),
    "a group": lambda: known(-1),
    "our group": lambda: known(-os.getpid()),
    "too much for a process": lambda: known(2**31 - 1),
    "too much for C": lambda: known(10**30),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_process_id_in_both_lock_files_proves_nothing(holder: str, worn_home: Path) -> None:
    with HOLDERS[holder]() as pid:  # type: ignore[attr-defined]
        file = worn_home / "postgres" / "data" / "postmaster.pid"
        lines = file.read_text().splitlines()
        file.write_text("\n".join([str(pid), *lines[1:]]) + "\n")
        lock = worn_home / "postgres" / "socket" / f"{SOCKET}.lock"
        lock.write_text("\n".join([str(pid), *lines[1:5]]) + "\n")
        assert_starts(worn_home, killed=True)


CONTENTS = {
    "empty": b"",
    "white space": b" \n\n",
    "cut off": b"12345",
    "words": b"nonsense\nand more\nof it\n",
    "bytes": bytes(range(256)) * 8,
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", ["data/postmaster.pid", f"socket/{SOCKET}.lock", LOCK])
def test_a_lock_file_may_have_any_content(name: str, content: str, worn_home: Path) -> None:
    (worn_home / "postgres" / name).write_bytes(CONTENTS[content])
    assert_starts(worn_home, killed=True)


def directory(place: Path) -> None:
    (place / "in" / "it").mkdir(parents=True)


def unreadable(place: Path) -> None:
    place.write_text("1\n2\n3\n")
    place.chmod(0)


def not_its_users(place: Path) -> None:
    place.write_text("1\n2\n3\n")
    place.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(place, 0, 0)


def listening(place: Path) -> None:
    """What a server that was killed leaves: nobody accepts."""
    # A path of tests is too long for a socket's.
    parent = os.open(place.parent, os.O_RDONLY)
    with closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(f"/proc/self/fd/{parent}/{place.name}")
        left.listen()
    os.close(parent)


ODD: dict[str, Callable[[Path], None]] = {
    "a directory": directory,
    "unreadable": unreadable,
    "somebody else's": not_its_users,
    "a dangling link": lambda place: place.symlink_to("/nonexistent/file"),
    "a link to a device": lambda place: place.symlink_to("/dev/null"),
    "a pipe": lambda place: os.mkfifo(place),
    "a socket": listening,
    "an empty file": lambda place: place.touch(),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "name", ["data/postmaster.pid", f"socket/{SOCKET}.lock", f"socket/{SOCKET}"]
)
def test_anything_may_stand_where_the_server_wants_its_files(
    name: str, odd: str, worn_home: Path
) -> None:
    place = worn_home / "postgres" / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    ODD[odd](place)
    assert_starts(worn_home, killed=True)


@pytest.mark.parametrize("place", ["a file", "a dangling link"])
def test_anything_may_stand_where_the_socket_directory_is_to_be(
    place: str, worn_home: Path
) -> None:
    directory = worn_home / "postgres" / "socket"
    shutil.rmtree(directory)
    ODD["an empty file" if place == "a file" else place](directory)
    assert_starts(worn_home, killed=True)


@pytest.mark.parametrize("memory", ["", "0 0", "nonsense", "1 99999999", "of another server"])
def test_the_shared_memory_of_a_dead_server_may_be_anybodys_by_now(
    memory: str, worn_home: Path, postgresql: str
) -> None:
    if memory == "of another server":
        with closing(psycopg2.connect(postgresql)) as conn, conn.cursor() as cur:
            cur.execute("SHOW data_directory")
            other = Path(str(cur.fetchone()[0]))  # type: ignore[index]
        memory = (other / "postmaster.pid").read_text().splitlines()[6]
    file = worn_home / "postgres" / "data" / "postmaster.pid"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:6], memory, *lines[7:]]) + "\n")
    assert_starts(worn_home, killed=True)


def test_a_cluster_that_initdb_did_not_finish_is_made_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    half = home / "postgres" / "data.unfinished-abc"
    (half / "base").mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n")
    cluster = EmbeddedPostgres(home, settings=UNSAFE)
    try:
        cluster.start(WAIT_S)
        assert not half.exists()
    finally:
        cluster.stop()


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1, 0.3, 0.6])
def test_a_kill_during_the_first_start_leaves_nothing_that_stops_the_next(
    after_s: float, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    owner = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.cluster_owner", str(home)], stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + WAIT_S
    while not (home / "postgres" / LOCK).exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(after_s)
    owner.kill()
    # Not waited for: it may be dying yet.
    cluster = EmbeddedPostgres(home, settings=UNSAFE)
    try:
        cluster.start(WAIT_S)
    finally:
        cluster.stop()
        owner.wait()


def test_a_start_waits_for_the_server_that_a_killed_service_left_and_that_stops(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    for _ in range(3):
        owner = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.cluster_owner", str(home)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert owner.stdout is not None
        assert owner.stdout.readline(), "it has written a row"
        owner.kill()
        cluster = EmbeddedPostgres(home)
        try:
            assert rows(cluster.start(WAIT_S))
        finally:
            cluster.stop()
            owner.communicate()


def test_a_server_that_takes_long_to_recover_is_not_restarted(home: Path) -> None:
    """It has to fetch its log from an archive that is slow, and has nothing."""
    data = home / "postgres" / "data"
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("restore_command = 'sleep 1; false'\nhot_standby = off\n")
    (data / "recovery.signal").touch()
    cluster = EmbeddedPostgres(home, settings=UNSAFE)
    try:
        assert rows(cluster.start(1.5)) == [(1,)]
        assert not (data / "recovery.signal").exists(), "it has recovered"
    finally:
        cluster.stop()


def test_a_stalled_server_that_was_left_behind_is_replaced(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vatwatch.storage.embedded.SILENT_S", 3.0)
    left = EmbeddedPostgres(home, settings=UNSAFE)
    left.start(WAIT_S)
    assert left.pid is not None
    standing = psutil.Process(left.pid)
    standing.send_signal(signal.SIGSTOP)
    left._lock.release()
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        while True:
            gevent.sleep(0.01)
            ticks += 1

    ticker = gevent.spawn(tick)
    try:
        assert_starts(home)
        # libpq's connect would hold the hub for two seconds a try, and leave room for a few.
        assert ticks > 100, "others run while it waits"
    finally:
        ticker.kill()
        if standing.is_running():
            standing.kill()


def test_a_server_of_another_user_on_the_data_is_named_and_left_alone(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vatwatch.storage.embedded.SILENT_S", 0.5)
    first = EmbeddedPostgres(home, settings=UNSAFE)
    first.start(WAIT_S)
    binaries = Path(first.binaries)
    first.stop()
    # Short, for the path of a socket has 107 characters at most.
    elsewhere = home / "e"
    elsewhere.mkdir()
    first._user.own(elsewhere)
    command = [binaries / "postgres", "-D", home / "postgres" / "data", "-k", elsewhere]
    hand_run = subprocess.Popen(
        [*first._user.command(first._places()), *map(str, command), "-c", "listen_addresses="],
        cwd="/",
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + WAIT_S
        while not (elsewhere / SOCKET).exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with pytest.raises(EmbeddedPostgresError, match=f"process {hand_run.pid} is a PostgreSQL"):
            EmbeddedPostgres(home, settings=UNSAFE).start(WAIT_S)
        assert hand_run.poll() is None
    finally:
        hand_run.send_signal(signal.SIGINT)
        hand_run.wait()
    assert_starts(home)


def test_a_home_that_cannot_be_used_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "postgres" / LOCK).mkdir(parents=True)
    with pytest.raises(EmbeddedPostgresError, match=r"lock cannot be used \(.*\): give it to"):
        EmbeddedPostgres(tmp_path).start(WAIT_S)
