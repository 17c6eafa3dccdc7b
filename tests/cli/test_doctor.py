"""`vatwatch doctor`: settings, home, port, limits; in bounded time, and without a trace."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import gevent
import psutil
import pytest
from gevent.server import StreamServer

from tests.actors.harness import until
from tests.cli.doctor_house import NO_FEED, PATIENCE_S, Doctor, DoctorCommand
from tests.feed_server import FeedServer
from tests.fork_server import run_vatwatch
from tests.process import started
from vatwatch.cli.examination.findings import DoctorFinding, ok
from vatwatch.server.descriptors import descriptors_needed
from vatwatch.storage.directory_lock import DirectoryLock
from vatwatch.storage.embedded import EmbeddedPostgres


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


# --- settings ----------------------------------------------------------------------------------


def test_it_says_where_settings_come_from_and_which_source_is_overridden(tmp_path: Path) -> None:
    (tmp_path / "vatwatch.toml").write_text("cache_ttl_default = 11\nport = 18701\n")
    (tmp_path / ".env").write_text("CACHE_TTL_DEFAULT=12\nVATSIM_CONTACT=a@example.org\n")
    doctor = DoctorCommand(tmp_path, "--port", "18702", CACHE_TTL_DEFAULT="13")
    first, *others = (one.text for one in doctor.found("settings", "ok"))
    assert "1 from the command line" in first
    assert "1 from .env" in first
    assert sorted(others) == [
        "CACHE_TTL_DEFAULT is taken from the environment; vatwatch.toml and .env have another "
        "value, which is not used.",
        "PORT is taken from the command line; vatwatch.toml has another value, which is not used.",
    ]


def test_the_same_value_in_two_sources_is_not_worth_a_word(tmp_path: Path) -> None:
    (tmp_path / "vatwatch.toml").write_text("cache_ttl_default = 13\n")
    assert len(Doctor(tmp_path, CACHE_TTL_DEFAULT="13").found("settings")) == 1


def test_a_name_that_is_nearly_a_setting_is_a_warning_with_the_one_that_is_meant(
    tmp_path: Path,
) -> None:
    doctor = Doctor(tmp_path, VATSIM_POL_INTERVAL="20")
    assert "VATSIM_POLL_INTERVAL" in doctor.one("settings", "warning").text


def test_every_refused_setting_is_a_fault_and_the_rest_is_examined_all_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("PORT=none\n")
    doctor = DoctorCommand(
        tmp_path, VATWATCH_API_KEYS="x", REDIS_URL="redis://:s3cret@h/zero", CACHE_TTL_DEFAULT="0"
    )
    by_name = {re.split(r"\W", one.text)[0]: one for one in doctor.found("settings", "fault")}
    port, ttl, redis, key = (
        by_name.pop(name)
        for name in ("PORT", "CACHE_TTL_DEFAULT", "REDIS_URL", "VATWATCH_API_KEYS")
    )
    assert not by_name
    assert port.advice.startswith("Correct PORT in .env;")
    assert ttl.advice.startswith("Correct CACHE_TTL_DEFAULT in the environment;")
    assert "too easy to guess" in key.text
    assert redis.advice
    assert "s3cret" not in doctor.printed
    # What needs no refused setting.
    assert doctor.found("home")
    assert doctor.found("database")
    assert not doctor.found("port")


def test_a_short_key_that_is_taken_is_a_warning(tmp_path: Path) -> None:
    doctor = DoctorCommand(tmp_path, VATWATCH_API_KEYS="s3cretkey")
    assert "can be guessed" in doctor.one("settings", "warning").text
    assert "s3cretkey" not in doctor.printed


# --- the home and the port -----------------------------------------------------------------------


def test_it_leaves_no_trace(tmp_path: Path) -> None:
    DoctorCommand(tmp_path)
    assert [*tmp_path.iterdir()] == []
    home = tmp_path / "home"
    home.mkdir()
    before = home.stat()
    DoctorCommand(tmp_path)
    assert [*home.iterdir()] == []
    assert home.stat().st_mtime_ns == before.st_mtime_ns


def test_a_running_service_has_the_home_and_the_port_and_neither_is_a_fault(
    tmp_path: Path, home: Path, feeds: FeedServer
) -> None:
    with started(home, tmp_path / "log", VATSIM_API_URL=feeds.url) as process:
        process.until_ready()
        until(lambda: process.get("/api/status")[1]["database"]["store"]["reachable"])
        doctor = DoctorCommand(tmp_path, VATSIM_API_URL=feeds.url, PORT=str(process.port))
        assert f"process {process.popen.pid}" in doctor.one("home").text
        port = doctor.one("port")
        assert (port.state, "running service" in port.text) == ("ok", True)
        assert "embedded PostgreSQL answers" in doctor.found("database")[0].text
        assert not doctor.found("database", "fault", "warning")
        # For another home the port is somebody else's.
        other = DoctorCommand(
            tmp_path, VATWATCH_HOME=str(tmp_path / "other"), PORT=str(process.port)
        )
        taken = other.one("port")
        assert taken.state == "fault"
        assert f"process {process.popen.pid} " in taken.text
        assert process.popen.poll() is None


def test_a_taken_port_names_who_has_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = Doctor(tmp_path, PORT=str(other.getsockname()[1])).one("port")
    assert taken.state == "fault"
    assert f"process {os.getpid()} ({psutil.Process().name()})" in taken.text
    assert "choose another port" in taken.advice


def test_an_address_that_this_machine_does_not_have_is_a_fault(tmp_path: Path) -> None:
    found = Doctor(tmp_path, VATWATCH_HOST="192.0.2.1").one("port")
    assert (found.state, "does not have this address" in found.text) == ("fault", True)


def test_the_process_that_has_the_home_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    lock = DirectoryLock(home)
    lock.take()
    try:
        assert f"process {os.getpid()}" in Doctor(tmp_path).one("home").text
    finally:
        lock.release()
    assert Doctor(tmp_path).one("home").text.startswith("No service runs with")


def test_a_home_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    # Not even root may write there.
    doctor = Doctor(tmp_path, VATWATCH_HOME="/proc/nowhere")
    assert "cannot be written" in doctor.one("settings", "fault").text


def test_a_home_that_this_user_may_not_read_is_a_fault(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0)
    # Root may read everything, by these two capabilities.
    without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    try:
        doctor = DoctorCommand(tmp_path, before=without if os.geteuid() == 0 else [])
    finally:
        home.chmod(0o700)
    assert "may not read and write" in doctor.one("home", "fault").text
    assert str(home) in doctor.one("home", "fault").text
    assert "cannot be read" in doctor.one("disk", "fault").text
    assert doctor.found("database")


def test_a_bug_in_one_examination_costs_no_other_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[DoctorFinding]:
        yield ok("disk", "until here.")
        raise KeyError("free")

    monkeypatch.setattr("vatwatch.cli.examination.examine.examine_disk", broken)
    doctor = Doctor(tmp_path)
    first, failed = doctor.found("disk")
    assert first.text == "until here."
    assert "has failed: KeyError: 'free' (test_doctor.py, line " in failed.text
    assert doctor.found("home")
    assert doctor.found("feed")


def test_a_cluster_that_others_may_enter_is_a_fault_with_the_way_out(tmp_path: Path) -> None:
    data = tmp_path / "home" / "postgres" / "data"
    data.mkdir(parents=True)
    data.chmod(0o777)
    (found,) = [one for one in Doctor(tmp_path).found("home", "fault") if "mode" in one.text]
    assert "777" in found.text
    assert found.advice == f"chmod 700 {data}"


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "state"), [(128, "fault"), (512, "warning"), (4096, "ok")])
def test_few_file_descriptors_are_told(limit: int, state: str, tmp_path: Path) -> None:
    # Of the command alone: the tests may have more open already.
    before = ["sh", "-c", f'ulimit -S -n {limit} && exec "$@"', "sh"]
    found = DoctorCommand(tmp_path, before=before).one("descriptors")
    assert found.state == state
    assert f"{limit:,}" in found.text
    assert (found.state == "ok") or "ulimit -n" in found.advice


@pytest.mark.parametrize(("clients", "connections"), [(500, 20), (1200, 400)])
def test_the_limit_that_is_enough_is_the_one_that_the_service_needs(
    clients: int, connections: int, tmp_path: Path
) -> None:
    needed = descriptors_needed(clients, connections)
    given = {
        "VATWATCH_STREAM_CLIENTS": str(clients),
        "DATABASE_MAX_CONNECTIONS": str(connections),
    }

    def within(limit: int, *, hard: bool) -> list[str]:
        both = f"ulimit -S -n {limit} && {f'ulimit -H -n {limit} && ' if hard else ''}"
        return ["sh", "-c", f'{both}exec "$@"', "sh"]

    # What the service itself comes to. It may raise a limit that is not its last, and does.
    program = (
        "import resource\n"
        "from vatwatch.server.descriptors import room_for_streams\n"
        "_, last = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        f"for limits in (({needed - 1}, last), ({needed},) * 2, ({needed - 1},) * 2):\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, limits)\n"
        f"    print(room_for_streams({clients}, {connections}))\n"
    )
    rooms = subprocess.check_output([sys.executable, "-c", program], text=True)
    raised, enough, short = map(int, rooms.split())
    assert raised == enough == clients

    before = within(needed, hard=True)
    assert DoctorCommand(tmp_path, before=before, **given).one("descriptors").state == "ok"
    before = within(needed - 1, hard=True)
    found = DoctorCommand(tmp_path, before=before, **given).one("descriptors", "warning")
    assert f"{clients:,} clients of the stream (VATWATCH_STREAM_CLIENTS)" in found.text
    assert f"are {needed:,}. Only {short:,} may follow the stream then." in found.text
    assert found.advice.startswith(
        f"Raise the limit before the start: ulimit -n {needed} (as root)"
    )
    before = within(needed - 1, hard=False)
    found = DoctorCommand(tmp_path, before=before, **given).one("descriptors", "warning")
    assert "The service raises its own limit" in found.text


# --- time ----------------------------------------------------------------------------------------


def test_with_every_server_hanging_it_ends_and_names_each(tmp_path: Path) -> None:
    """Each takes the connection and never says a word."""

    def hang(sock: socket.socket, _address: object) -> None:
        gevent.sleep(PATIENCE_S)
        sock.close()

    with ExitStack() as stack:
        ports = []
        for _ in range(3):
            server = StreamServer(("127.0.0.1", 0), hang)
            server.start()
            stack.callback(server.stop, 0)
            ports.append(server.server_port)
        # Before the shortest of the dependencies' own limits.
        doctor = DoctorCommand(
            tmp_path,
            "--timeout",
            "2",
            DATABASE_URL=f"postgresql://me:s3cret@127.0.0.1:{ports[0]}/v",
            REDIS_URL=f"redis://:s3cret@127.0.0.1:{ports[1]}/0",
            VATSIM_API_URL=f"http://me:s3cret@127.0.0.1:{ports[2]}/vatsim-data.json",
        )
        for check in ("database", "redis", "feed"):
            assert "no end within 2 s" in doctor.one(check, "fault").text
        assert doctor.found("home", "ok")
        patient = DoctorCommand(
            tmp_path,
            DATABASE_URL=f"postgresql://me:s3cret@127.0.0.1:{ports[0]}/v",
            REDIS_URL=f"redis://:s3cret@127.0.0.1:{ports[1]}/0",
            VATSIM_API_URL=f"http://me:s3cret@127.0.0.1:{ports[2]}/vatsim-data.json",
            VATSIM_API_TIMEOUT="1",
        )
    assert "s3cret" not in doctor.printed + patient.printed
    assert f"127.0.0.1:{ports[0]}" in patient.one("database", "fault").text
    assert "gave no answer in time" in patient.one("redis", "fault").text
    assert "within 1 s" in patient.one("feed", "fault").text


def test_a_database_that_stands_still_does_not_hold_it(tmp_path: Path, home: Path) -> None:
    """The kernel takes new connections for it, and nobody answers."""
    cluster = EmbeddedPostgres(home)
    cluster.start()
    assert cluster.pid is not None
    server = psutil.Process(cluster.pid)
    server.suspend()
    try:
        doctor = DoctorCommand(tmp_path, "--timeout", "2", VATWATCH_HOME=str(home))
        assert "no end within 2 s" in doctor.one("database", "fault").text
        patient = DoctorCommand(tmp_path, VATWATCH_HOME=str(home))
        assert "does not take the connection" in patient.one("database", "warning").text
    finally:
        server.resume()
        cluster.stop()


# --- for people ----------------------------------------------------------------------------------


def test_people_get_lines_with_what_to_do_and_a_count(tmp_path: Path) -> None:
    env = {**os.environ, **NO_FEED, "VATWATCH_HOME": str(tmp_path / "home")}
    done = run_vatwatch(["doctor"], env, tmp_path, PATIENCE_S)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(line.split()[:2] == ["fault", "feed"] for line in lines)
    assert any(line.strip().startswith("→ Check the network") for line in lines)
    assert lines[-1] == "1 fault, 1 warning."
    assert all(len(line) <= 100 for line in lines)
