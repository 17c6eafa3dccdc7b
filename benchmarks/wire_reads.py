"""Benchmark: reads over sockets, from the service as it runs and from a bare Falcon app.

    python -m benchmarks.wire_reads [--pilots N] [--requests N] [--rounds N] [--seed S]

The service (`vatwatch run`, with an embedded PostgreSQL) gets one snapshot of the simulator, which
then goes away, so nothing is derived meanwhile. The bare app answers with the same bytes, made
beforehand, under a gunicorn with one gevent worker, too: once with the same body alone, and once
with the same headers as well. All are asked over connections that stay open, in turns. What counts
is the processor time of the worker, so other programs do not, without what the worker takes while
nobody asks; of each the best round counts. Once the service counts the requests of each address,
and once it does not.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import falcon
import msgspec
import psutil
from gunicorn.app.base import BaseApplication
from rich.console import Console
from rich.table import Table

HOST = "127.0.0.1"
# A machine that others use, too.
PATIENCE_S = 120.0
CONNECTIONS = 4
IDLE_S = 5.0
LOOKS = 4
OF_THE_SERVER = ("server", "date", "connection", "content-length", "content-type")


class Floor:
    """Answers with the same bytes each time."""

    def __init__(self, content: bytes, headers: Mapping[str, str]) -> None:
        self._content, self._headers = content, headers

    def on_get(self, _req: falcon.Request, resp: falcon.Response, **_params: str) -> None:
        """The least that an answer takes."""
        resp.content_type = falcon.MEDIA_JSON
        if self._headers:
            resp.set_headers(self._headers)
        resp.data = self._content


class _Bare(BaseApplication):
    """gunicorn with the bare app; the bodies are read from files."""

    def __init__(self, port: int, directory: Path) -> None:
        self._port, self._directory = port, directory
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": f"{HOST}:{self._port}",
            "worker_class": "gevent",
            "loglevel": "warning",
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        app = falcon.App()
        for file in self._directory.glob("*.json"):
            headers = msgspec.json.decode(file.with_suffix(".headers").read_bytes())
            app.add_route(f"/{file.stem}/body", Floor(file.read_bytes(), {}))
            app.add_route(f"/{file.stem}/answer", Floor(file.read_bytes(), headers))
        return app


class Client:
    """Connections that stay open."""

    def __init__(self, port: int) -> None:
        self._sockets = [socket.create_connection((HOST, port)) for _ in range(CONNECTIONS)]
        self._next = 0

    def get(self, path: str) -> bytes:
        """The body of an answer. Raises SystemExit if it is none of a success."""
        return self.answer(path)[1]

    def answer(self, path: str) -> tuple[bytes, bytes]:
        """The head of an answer, and its body. Raises as `get`."""
        self._next += 1
        sock = self._sockets[self._next % CONNECTIONS]
        request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: */*\r\n\r\n"
        sock.sendall(request.encode())
        found = b""
        while b"\r\n\r\n" not in found:
            found += _more(sock)
        head, _, body = found.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{path}: {head.decode()} {body.decode()}")
        lengths = [line for line in head.lower().split(b"\r\n") if b"content-length:" in line]
        parts, missing = [body], int(lengths[0].split(b":")[1]) - len(body)
        while missing > 0:
            parts.append(_more(sock))
            missing -= len(parts[-1])
        return head, b"".join(parts)

    def close(self) -> None:
        """Hang up."""
        for sock in self._sockets:
            sock.close()


def _more(sock: socket.socket) -> bytes:
    found = sock.recv(1 << 20)
    if not found:
        raise SystemExit("the server has hung up")
    return found


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def process(arguments: list[str], environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    """A program that is ended at the end."""
    started = subprocess.Popen(
        [sys.executable, *arguments], env=os.environ | environment, stderr=subprocess.DEVNULL
    )
    try:
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(PATIENCE_S)


def answered(port: int, path: str) -> tuple[bytes, bytes]:
    """The head and the body of the answer, as soon as there is one."""
    end = time.monotonic() + PATIENCE_S
    while True:
        client: Client | None = None
        try:
            client = Client(port)
            return client.answer(path)
        except (OSError, SystemExit):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        finally:
            if client is not None:
                client.close()


def headers_of(head: bytes) -> dict[str, str]:
    """The headers that an app has set: without those that every gunicorn sets itself."""
    fields = (line.partition(": ") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name: value for name, _, value in fields if name.lower() not in OF_THE_SERVER}


def worker_of(master: psutil.Process) -> psutil.Process:
    """gunicorn's worker: the child that runs the same program."""
    command = master.cmdline()
    return next(child for child in master.children() if child.cmdline() == command)


def idle_share(worker: psutil.Process) -> float:
    """How much of a processor the worker takes while nobody asks: the least of some looks, as a
    start goes on for seconds."""
    return min(_share(worker) for _ in range(LOOKS))


def _share(worker: psutil.Process) -> float:
    before = worker.cpu_times()
    time.sleep(IDLE_S)
    after = worker.cpu_times()
    return float(after.user + after.system - before.user - before.system) / IDLE_S


def rate(port: int, path: str, worker: psutil.Process, requests: int, idle: float = 0.0) -> float:
    """Answers a second of the worker's processor time, without what it takes when idle."""
    client, before, began = Client(port), worker.cpu_times(), time.monotonic()
    for _ in range(requests):
        client.get(path)
    after, took_s = worker.cpu_times(), time.monotonic() - began
    client.close()
    used_s = after.user + after.system - before.user - before.system - idle * took_s
    return requests / max(used_s, 1e-3)


@contextmanager
def service(feed: int, home: Path, read_rate: str) -> Iterator[tuple[int, psutil.Process]]:
    """The port and the worker of a service that polls a simulator on the port `feed`."""
    port = free_port()
    environment = {
        "VATWATCH_HOME": str(home),
        "VATWATCH_READ_RATE": read_rate,
        "VATSIM_API_URL": f"http://{HOST}:{feed}/v3/vatsim-data.json",
        "HOST": HOST,
        "PORT": str(port),
    }
    with process(["-m", "vatwatch", "run"], environment) as master:
        answered(port, "/api/flights")
        yield port, worker_of(master)


def main() -> None:
    """Measure, and print answers a second and their ratio to the bare app."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pilots", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=3000, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--floor", nargs=2, metavar=("PORT", "DIR"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor:
        sys.argv = sys.argv[:1]
        _Bare(int(options.floor[0]), Path(options.floor[1])).run()
        return
    shown = Table(
        "GET", "rates", "answers/s", "bare app/s", "ratio", "same headers/s", "ratio",
        title=f"{options.pilots} pilots",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="wire-reads-") as directory:
        for read_rate in ("off", "1000000000/minute"):
            measure(options, Path(directory), read_rate, shown)
    Console(file=sys.stdout, width=110).print(shown)


def measure(options: argparse.Namespace, directory: Path, read_rate: str, shown: Table) -> None:
    """Add the figures of one service to the table."""
    feed, name = free_port(), "off" if read_rate == "off" else "on"
    simulator = ["-m", "vatwatch", "simulate", f"--port={feed}", f"--pilots={options.pilots}",
                 f"--seed={options.seed}"]  # fmt: skip
    with ExitStack() as stack:
        with process(simulator, {}):
            port, worker = stack.enter_context(service(feed, directory / f"home-{name}", read_rate))
        whole = msgspec.json.decode(answered(port, "/api/flights")[1])
        paths = {
            "flights": "/api/flights",
            "flight": f"/api/flights/{whole['flights'][0]['callsign']}",
            "controllers": "/api/controllers",
            "network": "/api/network",
        }
        bodies = directory / f"bodies-{name}"
        bodies.mkdir()
        for kind, path in paths.items():
            head, body = answered(port, path)
            (bodies / f"{kind}.json").write_bytes(body)
            (bodies / f"{kind}.headers").write_bytes(msgspec.json.encode(headers_of(head)))
        bare = free_port()
        arguments = ["-m", "benchmarks.wire_reads", "--floor", str(bare), str(bodies)]
        floor = stack.enter_context(process(arguments, {}))
        answered(bare, "/network/body")
        floor_worker, idle = worker_of(floor), idle_share(worker)
        for kind, path in paths.items():
            # A whole list takes a hundred times as long.
            requests = max(1, options.requests // (10 if kind == "flights" else 1))
            rounds = [
                (rate(port, path, worker, requests, idle),
                 rate(bare, f"/{kind}/body", floor_worker, requests),
                 rate(bare, f"/{kind}/answer", floor_worker, requests))
                for _ in range(options.rounds)
            ]  # fmt: skip
            ours, *floors = (max(values) for values in zip(*rounds, strict=True))
            named = "/api/flights/{callsign}" if kind == "flight" else path
            beside = (text for one in floors for text in (f"{one:,.0f}", f"{ours / one:.3f}"))
            shown.add_row(named, name, f"{ours:,.0f}", *beside)


if __name__ == "__main__":
    main()
