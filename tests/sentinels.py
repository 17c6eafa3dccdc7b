"""A Redis with a replica, and three sentinels that watch them, as plain processes."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.actors.harness import until
from tests.ports import free_port

SERVICE = "mymaster"
PASSWORD, OF_SENTINELS = "pw-of-redis", "pw-of-sentinels"
COUNT = 3
HOST = "127.0.0.1"


class Guarded:
    """All of them; servers and sentinels by their ports."""

    def __init__(self, directory: Path) -> None:
        program = shutil.which("redis-server")
        assert program is not None, "redis-server is not installed: run `make test`"
        self._program, self._directory = program, directory
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.first, self.second = free_port(), free_port()
        self.sentinels = [free_port() for _ in range(COUNT)]
        self._start(self.first, _server())
        self._start(self.second, _server(), f"replicaof {HOST} {self.first}")
        for port in (self.first, self.second):
            until(lambda port=port: _answers(self.server(port)), "Redis answers")  # type: ignore[misc]
        until(lambda: self._about(self.second)["master_link_status"] == "up", "it replicates")
        for port in self.sentinels:
            self._start(port, self._sentinel(), words=("--sentinel",))
        for port in self.sentinels:
            until(lambda port=port: self._is_ready(port), "the sentinel knows all")  # type: ignore[misc]

    @property
    def url(self) -> str:
        """As REDIS_URL has it."""
        hosts = ",".join(f"{HOST}:{port}" for port in self.sentinels)
        query = f"sentinel_password={OF_SENTINELS}"
        return f"redis+sentinel://:{PASSWORD}@{hosts}/{SERVICE}/0?{query}"

    def server(self, port: int) -> Any:
        """A client of one server."""
        return redis.Redis(port=port, password=PASSWORD, decode_responses=True)

    def sentinel(self, port: int) -> Any:
        """A client of one sentinel."""
        return redis.Redis(port=port, password=OF_SENTINELS, decode_responses=True)

    def master(self) -> int:
        """The port of the one that all sentinels name."""

        def agreed() -> int | None:
            named = self._named()
            return named.pop() if len(named) == 1 else None

        port = until(agreed)
        assert port is not None
        return port

    def has_moved(self) -> bool:
        """Whether all sentinels name the second server, which takes writes."""
        return self._named() == {self.second} and self._about(self.second)["role"] == "master"

    # --- accidents

    def kill(self, port: int) -> None:
        """It is gone at once."""
        process = self._processes[port]
        process.kill()
        process.wait()

    @contextmanager
    def stopped(self, port: int) -> Iterator[None]:
        """It takes connections, as the kernel does that, and answers nothing."""
        self._processes[port].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._processes[port].send_signal(signal.SIGCONT)

    @contextmanager
    def not_replicated(self) -> Iterator[None]:
        """What the first server is told meanwhile, the second one never hears."""
        with self.stopped(self.second):
            self.server(self.first).client_kill_filter(_type="replica")
            yield

    def end(self) -> None:
        """End all."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()

    def _named(self) -> set[int]:
        found = set()
        for port in self.sentinels:
            _, its_port = self.sentinel(port).sentinel_get_master_addr_by_name(SERVICE)
            found.add(int(its_port))
        return found

    def _about(self, port: int) -> Any:
        return self.server(port).info("replication")

    def _is_ready(self, port: int) -> bool:
        try:
            state = self.sentinel(port).sentinel_master(SERVICE)
        except redis.ConnectionError:
            return False
        return (state["num-slaves"], state["num-other-sentinels"]) == (1, COUNT - 1)

    def _sentinel(self) -> str:
        return "\n".join(
            (
                f"requirepass {OF_SENTINELS}",
                f"sentinel sentinel-pass {OF_SENTINELS}",
                f"sentinel monitor {SERVICE} {HOST} {self.first} 2",
                f"sentinel auth-pass {SERVICE} {PASSWORD}",
                f"sentinel down-after-milliseconds {SERVICE} 1000",
                f"sentinel failover-timeout {SERVICE} 10000",
            )
        )

    def _start(self, port: int, *settings: str, words: tuple[str, ...] = ()) -> None:
        place = self._directory / str(port)
        place.mkdir(parents=True)
        file = place / "conf"
        common = (f"port {port}", f"bind {HOST}", f"dir {place}")
        file.write_text("\n".join((*common, *settings, "")))
        with (place / "log").open("wb") as log:
            self._processes[port] = subprocess.Popen(
                [self._program, str(file), *words], stdout=log, stderr=subprocess.STDOUT
            )


def _server() -> str:
    return f'requirepass {PASSWORD}\nmasterauth {PASSWORD}\nsave ""\nrepl-diskless-sync-delay 0'


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@contextmanager
def guarded_in(directory: Path) -> Iterator[Guarded]:
    """Master, replica and sentinels, for as long as they are needed."""
    made = Guarded(directory)
    try:
        yield made
    finally:
        made.end()
