"""Two PostgreSQL servers that pg_auto_failover watches over: a monitor, and a keeper for each."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import psutil
import psycopg2

from tests.ports import free_port
from vatwatch.storage.postgres_user import ServerUser

PATIENCE_S = 180.0
# What the monitor thinks of as lost, in milliseconds: its own defaults take half a minute.
QUICK = {
    "health_check_period": 1000,
    "health_check_timeout": 1000,
    "health_check_retry_delay": 500,
    "health_check_max_retries": 2,
    "node_considered_unhealthy_timeout": 3000,
    "primary_demote_timeout": 3000,
}
NAMES = ("a", "b")


class AutoFailover:
    """The three, as a user who may run PostgreSQL."""

    def __init__(self, directory: Path, bindir: Path) -> None:
        self._directory = directory
        self._user = ServerUser.choose()
        self._user.own(directory)
        # Of its own: it takes what it finds there of another PostgreSQL.
        self._environment = {
            "PATH": f"{bindir}:/usr/bin:/bin",
            "HOME": str(directory),
            **{f"XDG_{name}": str(directory / name) for name in
               ("DATA_HOME", "CONFIG_HOME", "RUNTIME_DIR")},
        }  # fmt: skip
        self.ports = {name: int(free_port()) for name in ("monitor", *NAMES)}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def dsn(self) -> str:
        """The address of both servers."""
        ports = ",".join(str(self.ports[name]) for name in NAMES)
        return f"host=127.0.0.1,127.0.0.1 port={ports} user=postgres dbname=vatwatch"

    def start(self) -> None:
        """Start all, and wait until the second server is a standby of the first one."""
        self._spawn("monitor", "create", "monitor")
        self._until("the monitor", self._answers)
        settings = [f"ALTER SYSTEM SET pgautofailover.{k} = {v}" for k, v in QUICK.items()]
        conn = psycopg2.connect(self._address("monitor", "pg_auto_failover"))
        conn.autocommit = True
        with conn.cursor() as cur:
            for statement in (*settings, "SELECT pg_reload_conf()"):
                cur.execute(statement)
        conn.close()
        monitor = (
            f"postgres://autoctl_node@127.0.0.1:{self.ports['monitor']}/pg_auto_failover"
            "?sslmode=prefer"
        )
        for name, state in zip(NAMES, ("single", "secondary"), strict=True):
            words = ["--name", name, "--dbname", "vatwatch", "--monitor", monitor]
            self._spawn(name, "create", "postgres", *words)
            self._until(f"{name} is {state}", partial(self._is, name, state))
        self._until("a is primary", partial(self._is, "a", "primary"))

    def states(self) -> dict[str, str]:
        """What each server says that it is; empty while the monitor does not answer."""
        command = self._command("show", "state", "--json", "--pgdata", self._data("monitor"))
        done = subprocess.run(
            command, env=self._environment, cwd=self._directory, capture_output=True, check=False
        )
        if done.returncode:
            return {}
        found = json.loads(done.stdout)
        return {node["nodename"]: node["current_group_state"] for node in found}

    def kill(self, name: str) -> None:
        """The host of a server loses power: its keeper and all of its PostgreSQL."""
        keeper = psutil.Process(self._running.pop(name).pid)
        family = [keeper, *keeper.children(recursive=True)]
        for one in family:
            one.kill()
        psutil.wait_procs(family)

    def stop(self) -> None:
        """End all of it; nobody waits for its order."""
        for popen in reversed(self._running.values()):
            family = psutil.Process(popen.pid).children(recursive=True)
            popen.send_signal(signal.SIGQUIT)
            psutil.wait_procs(family, timeout=10)
            for one in family:
                if one.is_running():
                    one.kill()
            popen.kill()
            popen.wait()

    def _spawn(self, name: str, *words: str) -> None:
        more = ["--pgport", str(self.ports[name]), "--hostname", "127.0.0.1"]
        more += ["--pgdata", self._data(name), "--auth", "trust", "--no-ssl", "--run"]
        with (self._directory / f"{name}.log").open("wb") as out:
            self._running[name] = subprocess.Popen(
                self._command(*words, *more),
                env=self._environment,
                cwd=self._directory,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _command(self, *words: str) -> list[str]:
        return [*self._user.command((self._directory,), dies_with_us=False), "pg_autoctl", *words]

    def _data(self, name: str) -> str:
        return str(self._directory / name)

    def _is(self, name: str, state: str) -> bool:
        return self.states().get(name) == state

    def _address(self, name: str, database: str) -> str:
        return f"host=127.0.0.1 port={self.ports[name]} user=postgres dbname={database}"

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self._address("monitor", "pg_auto_failover")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not done():
            said = [log.read_text()[-1000:] for log in self._directory.glob("*.log")]
            assert time.monotonic() < end, f"{what}: {said}"
            time.sleep(0.2)


def bindir() -> Path:
    """Of the newest PostgreSQL that has the extension (Debian's packages)."""
    found = sorted(Path("/usr/share/postgresql").glob("*/extension/pgautofailover.control"))
    assert found, "pg_auto_failover is not installed: run `make test-ha`, which installs it"
    return Path("/usr/lib/postgresql") / found[-1].parts[-3] / "bin"


@contextmanager
def auto_failover() -> Iterator[AutoFailover]:
    """Both servers, for as long as they are needed."""
    # The path of a socket must be short.
    directory = Path(mkdtemp(prefix="paf-"))
    directory.chmod(0o755)
    servers = AutoFailover(directory, bindir())
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()
        shutil.rmtree(directory)
