"""The parts of a service under fault: started, killed and ended here, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import gevent
import psutil
import psycopg2
import requests

from tests.chaos.area_files import area_settings
from tests.chaos.proxy import Proxy
from tests.ports import free_port
from vatsim_simulator.areas import VATSPY, write_areas
from vatwatch.storage.embedded import EmbeddedPostgres

T = TypeVar("T")

KEY = "a-key-of-the-chaos-runs"
# Debian's libfaketime; without it the clock is not moved.
LIBFAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
HEADERS = {"Authorization": f"Bearer {KEY}"}
PATIENCE_S = 180.0
POLL_S = 0.05


class NotRecovered(Exception):
    """Something did not come back in time."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large and how fast the simulated network is."""

    pilots: int = 150
    seed: int = 1
    speed: float = 30.0

    @property
    def update_s(self) -> float:
        """Between two updates, by the wall clock."""
        return 15.0 / self.speed


def wait_until(what: str, done: Callable[[], T | None], timeout_s: float = PATIENCE_S) -> T:
    """Poll until `done()` gives something true; NotRecovered when the time is up."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = done()
        if found:
            return found
        if time.monotonic() > deadline:
            raise NotRecovered(f"{what}: not within {timeout_s:g} s")
        gevent.sleep(POLL_S)


@dataclass(slots=True)
class House:
    """Everything that runs. `open` starts it, `close` ends it."""

    directory: Path
    scale: Scale
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    """Those of the last good file, which are to be in force."""
    _ends: ExitStack = field(default_factory=ExitStack)
    postgres: EmbeddedPostgres = field(init=False)
    service: subprocess.Popen[bytes] | None = field(init=False, default=None)
    simulator: subprocess.Popen[bytes] = field(init=False)
    redis: subprocess.Popen[bytes] | None = field(init=False, default=None)
    to_postgres: Proxy = field(init=False)
    to_redis: Proxy = field(init=False)
    to_feed: Proxy = field(init=False)
    port: int = field(init=False)
    _dsn: str = field(init=False)
    _simulator_url: str = field(init=False)
    _redis_socket: Path = field(init=False)

    # --- from the first to the last -------------------------------------------------------------

    def open(self) -> None:
        """Start everything, and wait until a snapshot is stored."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.postgres = EmbeddedPostgres(self.directory / "database")
        self._dsn = self.postgres.start()
        self._ends.callback(self.postgres.stop)
        socket_directory = self._dsn.split("host='")[1].split("'")[0]
        self.to_postgres = self._proxy(f"{socket_directory}/.s.PGSQL.5432")
        self._redis_socket = self.directory / "redis.sock"
        self.start_redis()
        self._ends.callback(self.kill_redis)
        self.to_redis = self._proxy(str(self._redis_socket))
        simulator_port = free_port()
        self._simulator_url = f"http://127.0.0.1:{simulator_port}"
        self.simulator = self._spawn(
            "simulate",
            f"--port={simulator_port}",
            f"--pilots={self.scale.pilots}",
            f"--seed={self.scale.seed}",
            f"--speed={self.scale.speed:g}",
        )
        self._ends.callback(self._end, self.simulator)
        wait_until("the simulator", lambda: self._answers(f"{self._simulator_url}/control"))
        self.to_feed = self._proxy(("127.0.0.1", simulator_port))
        write_areas(self.areas)
        self.port = free_port()
        self.start_service()
        self._ends.callback(self.stop_service)
        wait_until("the first snapshot", lambda: self.stored() > 0)

    def close(self) -> None:
        """End everything, the last started first."""
        self._ends.close()

    # --- the service ----------------------------------------------------------------------------

    def start_service(self, **more: str) -> None:
        """Start the service; what the environment says is for this start."""
        self.service = self._spawn("run", f"--port={self.port}", env={**self._settings(), **more})

    def stop_service(self) -> int | None:
        """Stop it in order; its exit code."""
        return None if self.service is None else self._end(self.service)

    def kill_service(self) -> None:
        """Kill the master, and the worker with it."""
        for process in [*self.workers(), self.service]:
            if process is not None:
                with suppress(psutil.Error, ProcessLookupError):
                    process.kill()
        if self.service is not None:
            self.service.wait()

    def workers(self) -> list[psutil.Process]:
        """The master's children."""
        if self.service is None:
            return []
        with suppress(psutil.Error):
            return psutil.Process(self.service.pid).children()
        return []

    def get(self, path: str, timeout_s: float = 5.0) -> Any:
        """Ask the service; None if it does not answer, or not with success."""
        try:
            answer = requests.get(
                f"http://127.0.0.1:{self.port}{path}", headers=HEADERS, timeout=timeout_s
            )
            return answer.json() if answer.ok else None
        except (requests.RequestException, ValueError):
            return None

    def order(self, body: dict[str, Any]) -> bool:
        """Inject a fault into the service; whether it took it."""
        url = f"http://127.0.0.1:{self.port}/api/supervision/faults"
        with suppress(requests.RequestException):
            return requests.post(url, json=body, headers=HEADERS, timeout=5).status_code == 201
        return False

    def restart_node(self, path: str) -> None:
        """Order a restart, as an operator does; whether it is carried out is not waited for."""
        url = f"http://127.0.0.1:{self.port}/api/supervision/{path}/restart"
        with suppress(requests.RequestException):
            requests.post(url, headers=HEADERS, timeout=2)

    def reload(self) -> None:
        """Order the settings to be read again by a request."""
        url = f"http://127.0.0.1:{self.port}/api/config/reload"
        with suppress(requests.RequestException):
            requests.post(url, headers=HEADERS, timeout=5)

    def hang_up(self) -> None:
        """The same by SIGHUP to the master."""
        assert self.service is not None
        self.service.send_signal(signal.SIGHUP)

    def take_back_orders(self) -> None:
        """No injected fault is to come any more."""
        url = f"http://127.0.0.1:{self.port}/api/supervision/faults"
        with suppress(requests.RequestException):
            requests.delete(url, headers=HEADERS, timeout=5)

    def nodes(self) -> list[dict[str, Any]]:
        """Every node of the tree; empty if the service does not answer."""
        tree = self.get("/api/supervision/tree")
        return [] if tree is None else list(walk(tree))

    def set_clock(self, seconds: int) -> None:
        """Put the service's wall clock ahead, or back."""
        aside = self._clock_file.with_suffix(".tmp")
        aside.write_text(f"{seconds:+d}\n")
        aside.rename(self._clock_file)

    # --- its settings' file ---------------------------------------------------------------------

    @property
    def toml(self) -> Path:
        """The file that the service reads; what the environment has wins over it."""
        return self.directory / "vatwatch.toml"

    @staticmethod
    def as_toml(settings: Mapping[str, object]) -> str:
        """A line for each."""
        return "".join(
            f"{name.lower()} = {json.dumps(value)}\n" for name, value in settings.items()
        )

    def write_settings(self, settings: Mapping[str, object]) -> None:
        """Put a new file in the place of the old one, whole."""
        aside = self.toml.with_suffix(".new")
        aside.write_text(self.as_toml(settings))
        aside.rename(self.toml)

    def in_force(self) -> dict[str, str] | None:
        """Every setting's value as the service says it; None if it does not answer."""
        answer = self.get("/api/config")
        return None if answer is None else {s["name"]: s["value"] for s in answer["settings"]}

    def settings_hold(self) -> bool:
        """Whether those of the last good file are in force, and nothing is wrong with it."""
        answer = self.get("/api/config")
        if answer is None or answer["faults"]:
            return False
        found = {one["name"]: one["value"] for one in answer["settings"]}
        return all(found[name] == str(value) for name, value in self.settings.items())

    @property
    def areas(self) -> Path:
        """Where the files of areas are that it is given."""
        return self.directory / "areas"

    # --- the others -----------------------------------------------------------------------------

    def start_redis(self) -> None:
        """Start Redis, empty."""
        program = shutil.which("redis-server")
        if program is None:
            raise SystemExit("redis-server is not installed: scripts/system-packages.sh does that")
        self.redis = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", str(self._redis_socket), "--save", ""],
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
        )

    def kill_redis(self) -> None:
        """As `kill -9` does."""
        if self.redis is not None:
            self.redis.kill()
            self.redis.wait()

    def kill_postgres(self) -> None:
        """As `kill -9` of the postmaster does; its children end by themselves."""
        pid = self.postgres.pid
        if pid is not None:
            family = [*psutil.Process(pid).children(), psutil.Process(pid)]
            os.kill(pid, signal.SIGKILL)
            psutil.wait_procs(family, timeout=PATIENCE_S)

    def start_postgres(self) -> None:
        """Start it again, with its crash recovery."""
        self.postgres.restart()

    def control(self, body: dict[str, Any] | None = None) -> None:
        """Make the simulator do something wrong; None takes back all its faults."""
        url = f"{self._simulator_url}/control"
        if body is None:
            requests.delete(url, timeout=5).raise_for_status()
        else:
            requests.post(url, json=body, timeout=5).raise_for_status()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database, past the proxy."""
        conn = psycopg2.connect(self._dsn)
        try:
            with conn.cursor() as cur:
                cur.execute(sql)
                return list(cur.fetchall())
        finally:
            conn.close()

    def stored(self) -> int:
        """Snapshots in the database; 0 while it is away or has no tables yet."""
        with suppress(psycopg2.Error):
            return int(self.query("SELECT count(*) FROM snapshots")[0][0])
        return 0

    @property
    def dsn(self) -> str:
        """The database, past the proxy."""
        return self._dsn

    @property
    def home(self) -> Path:
        """Where the service keeps its journal: in it, or in a directory for each of its workers."""
        return self.directory / "home"

    def _settings(self) -> dict[str, str]:
        """Everything as fast as the simulated network is."""
        update_s = self.scale.update_s
        return {
            **os.environ,
            "DATABASE_URL": f"postgresql://vatwatch@127.0.0.1:{self.to_postgres.port}/vatwatch",
            "DATABASE_TIMEOUT": "5",
            "REDIS_URL": f"redis://127.0.0.1:{self.to_redis.port}",
            "VATSIM_STATUS_URL": f"http://127.0.0.1:{self.to_feed.port}/status.json",
            "VATSIM_POLL_INTERVAL": f"{update_s:g}",
            "VATSIM_API_TIMEOUT": "2",
            "VATWATCH_HOME": str(self.home),
            "VATWATCH_API_KEYS": KEY,
            "VATWATCH_WRITE_RATE": "100000/minute",
            "VATWATCH_FAULTS": "on",
            "VATWATCH_HANDLER_DEADLINE": "8",
            "CIRCUIT_BREAKER_TIMEOUT": "1",
            "CIRCUIT_BREAKER_MAX_TIMEOUT": "2",
            "SERVICE_HEALTH_CHECK_INTERVAL": "2",
            "VATWATCH_RESOURCE_INTERVAL": "1",
            "VATWATCH_CONFIG_INTERVAL": "0.3",
            **area_settings(
                self.areas, vatspy=f"http://127.0.0.1:{self.to_feed.port}/areas/{VATSPY}"
            ),
            **self._clock(),
            **self.environment,
        }

    def _clock(self) -> dict[str, str]:
        """A wall clock that `set_clock` moves; monotonic time is left alone, as by a real clock."""
        if LIBFAKETIME is None:
            return {}
        self.set_clock(0)
        return {
            "LD_PRELOAD": str(LIBFAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock_file),
            "FAKETIME_CACHE_DURATION": "1",  # read at each call it slows everything down
            "DONT_FAKE_MONOTONIC": "1",
        }

    @property
    def _clock_file(self) -> Path:
        return self.directory / "clock"

    def _proxy(self, target: tuple[str, int] | str) -> Proxy:
        proxy = Proxy(target)
        self._ends.callback(proxy.stop)
        return proxy

    def _spawn(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        log = (self.directory / f"{arguments[0]}.log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "vatwatch", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                cwd=self.directory,
            )

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> int:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                return process.wait(PATIENCE_S)
            process.kill()
        return process.wait()

    @staticmethod
    def _answers(url: str) -> bool:
        with suppress(requests.RequestException, json.JSONDecodeError):
            return requests.get(url, timeout=2).ok
        return False


def walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    """A node of the tree, and all below it."""
    return [node, *(below for child in node["children"] for below in walk(child))]
