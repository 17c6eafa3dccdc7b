"""`vatwatch psql` and `vatwatch backup`: PostgreSQL's programs on the service's database."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pytest

from tests.actors.harness import as_url, until
from tests.fork_server import run_vatwatch
from tests.ports import free_port
from tests.process import started
from vatwatch.errors import EmbeddedPostgresError
from vatwatch.storage.client_programs import connection_to, find_program, server_major
from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.storage.postgres_binaries import find_binaries

TIMEOUT_S = 110
PASSWORD = "s3cret/with%odd:signs"


def vatwatch(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VATWATCH", "PG"))}
    env |= {name: str(value) for name, value in settings.items()}
    return run_vatwatch(words, env, Path.cwd(), TIMEOUT_S)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a cluster, whose service does not run."""
    home = tmp_path_factory.mktemp("tools") / "home"
    cluster = EmbeddedPostgres(home)
    conn = psycopg2.connect(cluster.start())
    with conn, conn.cursor() as cur:
        cur.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id")
    conn.close()
    cluster.stop()
    return home


def restored(dump: Path, database_url: str) -> int:
    """How many rows come out of a dump."""
    program = find_program("pg_restore", server_major(database_url), None)
    subprocess.run([str(program), "--no-owner", "-d", as_url(database_url), str(dump)], check=True)
    conn = psycopg2.connect(database_url)
    with conn.cursor() as cur:
        cur.execute("SELECT count(*) FROM kept")
        (count,) = cur.fetchone() or (0,)
    conn.close()
    return int(count)


# --- an embedded cluster --------------------------------------------------------------------------


def test_without_the_service_its_server_is_started_for_the_command(
    home: Path, tmp_path: Path, database_url: str
) -> None:
    done = vatwatch("psql", "-At", "-c", "SELECT count(*) FROM kept", VATWATCH_HOME=home)
    assert (done.returncode, done.stdout) == (0, "1000\n"), done.stderr
    assert "is started for this command" in done.stderr
    dump = tmp_path / "kept.dump"
    done = vatwatch("backup", str(dump), VATWATCH_HOME=home)
    assert done.returncode == 0, done.stderr
    assert "kB" in done.stderr, "it says how much there is"
    assert restored(dump, database_url) == 1000
    assert dump.stat().st_mode & 0o777 == 0o600
    assert not (home / "postgres" / "data" / "postmaster.pid").exists(), "it has been stopped"


def test_both_work_beside_a_running_service(home: Path, tmp_path: Path, database_url: str) -> None:
    with started(home, tmp_path / "log") as process:
        until(lambda: process.get("/healthz")[0] == 200)
        done = vatwatch("psql", "--", "-At", "-c", "SELECT 6 * 7", VATWATCH_HOME=home)
        assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")
        dump = tmp_path / "kept.dump"
        assert vatwatch("backup", str(dump), VATWATCH_HOME=home).returncode == 0
        assert process.get("/healthz")[0] == 200
        embedded = process.get("/api/status")[1]["database"]["embedded"]
        assert f"listens in {embedded['socket']}\n" in process.said()
        socket = Path(embedded["socket"]) / ".s.PGSQL.5432"
        assert socket.is_socket()
        assert (Path(embedded["binaries"]) / "pg_dump").exists()
    assert restored(dump, database_url) == 1000


def test_the_exit_code_of_psql_is_handed_on(home: Path) -> None:
    words = ("-v", "ON_ERROR_STOP=1", "-c", "SELECT nonsense")
    assert vatwatch("psql", *words, VATWATCH_HOME=home).returncode == 1
    assert vatwatch("psql", "-f", "/no/such/file", VATWATCH_HOME=home).returncode == 1


def test_a_home_without_a_database_is_named_as_such(tmp_path: Path) -> None:
    for words in (("psql",), ("backup", str(tmp_path / "file"))):
        done = vatwatch(*words, VATWATCH_HOME=tmp_path)
        (line,) = done.stderr.splitlines()
        assert "there is no database in" in line
        assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []


# --- the file -------------------------------------------------------------------------------------


def test_a_file_that_exists_is_replaced_only_by_force(tmp_path: Path, database_url: str) -> None:
    dump = tmp_path / "dump"
    dump.write_text("before")
    done = vatwatch("backup", str(dump), DATABASE_URL=as_url(database_url))
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert dump.read_text() == "before"
    done = vatwatch("backup", "--force", str(dump), DATABASE_URL=as_url(database_url))
    assert done.returncode == 0, done.stderr
    assert dump.read_bytes().startswith(b"PGDMP")
    assert [*tmp_path.iterdir()] == [dump]


def test_a_backup_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.write_text("before")
    password = PASSWORD.replace("%", "%25").replace("/", "%2F").replace(":", "%3A")
    away = f"postgresql://me:{password}@127.0.0.1:{free_port()}/x"
    done = vatwatch("backup", "--force", str(dump), DATABASE_URL=away)
    assert done.returncode == 1
    assert "pg_dump" in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr
    assert dump.read_text() == "before"
    assert [*tmp_path.iterdir()] == [dump]


@pytest.mark.parametrize(
    ("file", "said"), [("", "is a directory"), ("no/such/place", "is not an existing directory")]
)
def test_a_place_that_cannot_be_written_is_named(
    file: str, said: str, tmp_path: Path, database_url: str
) -> None:
    done = vatwatch("backup", str(tmp_path / file), DATABASE_URL=as_url(database_url))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert said in line


# --- the programs ---------------------------------------------------------------------------------


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A directory whose pg_dump writes down its command line, and is slow."""
    directory = tmp_path / "bin"
    directory.mkdir()
    newest = max(find_binaries(), key=lambda found: found.major)
    for program in ("pg_dump", "pg_restore", "psql"):
        script = directory / program
        script.write_text(
            "#!/bin/sh\n"
            f'[ "$1" = --version ] && exec {newest.bindir}/{program} --version\n'
            f'echo "$0" "$@" > {tmp_path}/command\n'
            f'[ -z "$SLOW" ] || sleep 600\n'
            f'exec {newest.bindir}/{program} "$@"\n'
        )
        script.chmod(0o755)
    for program in ("initdb", "postgres"):
        (directory / program).symlink_to(newest.bindir / program)
    return directory


def test_no_password_is_in_the_process_list(
    recording: Path, tmp_path: Path, database_url: str
) -> None:
    url = as_url(database_url)
    url += ("&" if "?" in url else "?") + f"password={PASSWORD.replace('%', '%25')}&keepalives=1"
    settings = {"DATABASE_URL": url, "VATWATCH_POSTGRES_BINDIR": recording}
    assert vatwatch("psql", "-c", "SELECT 1", **settings).returncode == 0
    command = (tmp_path / "command").read_text()
    assert "s3cret" not in command
    assert "keepalives=1" in command, "what has no name in the environment goes by the words"
    done = vatwatch("backup", str(tmp_path / "dump"), **settings)
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in (tmp_path / "command").read_text() + done.stderr


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_backup_that_is_interrupted_leaves_nothing(
    sign: signal.Signals, recording: Path, tmp_path: Path, database_url: str
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    env = {**os.environ, "DATABASE_URL": as_url(database_url), "SLOW": "1"}
    env["VATWATCH_POSTGRES_BINDIR"] = str(recording)
    process = subprocess.Popen(
        [sys.executable, "-m", "vatwatch", "backup", str(target / "dump")],
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: (tmp_path / "command").exists() or process.poll() is not None)
    time.sleep(0.5)
    os.killpg(process.pid, sign)
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 128 + sign, said
    assert "Traceback" not in said
    assert [*target.iterdir()] == []


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only those programs that a test puts here."""
    monkeypatch.setattr("vatwatch.storage.client_programs.find_binaries", lambda: iter(()))
    monkeypatch.setattr("vatwatch.storage.client_programs.shutil.which", lambda _name: None)
    return tmp_path


def put(directory: Path, name: str, version: str) -> Path:
    program = directory / name
    program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
    program.chmod(0o755)
    return directory


def test_an_older_pg_dump_is_refused_in_words_and_an_older_psql_is_not(versions: Path) -> None:
    put(versions, "psql", "15.4 (Debian 15.4-1)")
    put(versions, "pg_dump", "15.4 (Debian 15.4-1)")
    assert find_program("psql", 18, versions) == versions / "psql"
    assert find_program("pg_dump", 15, versions) == versions / "pg_dump"
    assert find_program("pg_dump", 9, versions) == versions / "pg_dump"
    with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 18, .* here is 15 \(.*pg_dump\)"):
        find_program("pg_dump", 18, versions)
    with pytest.raises(EmbeddedPostgresError, match="here is none"):
        find_program("pg_restore", 18, versions)


def test_of_the_programs_here_the_one_of_the_servers_version_is_taken() -> None:
    found = {binaries.major: binaries.bindir for binaries in find_binaries()}
    assert len(found) > 1, "the distribution's and the package's"
    for major, bindir in found.items():
        assert find_program("pg_dump", major, None) == bindir / "pg_dump"
    assert shutil.which("psql") is None or find_program("psql", None, None)


def test_the_environment_has_all_that_libpq_takes_and_nothing_else_about_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGSSLMODE", "disable")
    reached = connection_to(
        "postgresql://me:pass@[::1]:5433/db?sslmode=require&options=-csearch_path%3Da"
        "&keepalives_idle=7&sslpassword=hidden"
    )
    environment = {k: v for k, v in reached.environment.items() if k.startswith("PG")}
    assert environment == {
        "PGHOST": "::1",
        "PGPORT": "5433",
        "PGUSER": "me",
        "PGPASSWORD": "pass",
        "PGDATABASE": "db",
        "PGSSLMODE": "require",
        "PGOPTIONS": "-csearch_path=a",
    }
    assert reached.words == ["-d", "keepalives_idle=7"]
