"""Benchmark: many clients of the stream on one worker of the whole service, while it ingests.

    python -m benchmarks.stream [--clients N] [--pilots N] [--updates N] [--speed N] [--port N]

A simulator, the service with its embedded PostgreSQL, the clients and a reader of single records
are processes of their own, on loopback. Updates are measured without clients, then with them, and
again without. A client takes gzip and counts bytes; one of them unpacks all, keeps the records, and
in the end they must be those of the lists.
"""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import gevent
import psutil
from rich.console import Console
from rich.table import Table

PATH = "/api/stream?channels=positions,controllers"
# A chunk of this size is a delta or a snapshot, and no heartbeat.
LARGE_BYTES = 5_000
# Clients that connect a second: each is sent a snapshot of a megabyte.
CONNECTS = 40
READS_EVERY_S = 0.02
UPDATE_S = 15.0
PATIENCE_S = 120.0


class StreamReader:
    """A client: notes when each large chunk is whole."""

    def __init__(self, port: int, *, unpacks: bool = False) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.sendall(
            f"GET {PATH} HTTP/1.1\r\nHost: here\r\nAccept-Encoding: gzip\r\n\r\n".encode()
        )
        self.whole_at: list[float] = []
        self.bytes = 0
        self.records: dict[str, Any] = {}
        self.time = ""
        self._unpacking = zlib.decompressobj(31) if unpacks else None
        self._text = b""

    def run(self) -> None:
        """Read until the connection ends."""
        file = self.sock.makefile("rb")
        if b" 200 " not in file.readline():
            raise SystemExit("a client was refused")
        while file.readline() != b"\r\n":
            pass
        while size := int(file.readline() or b"0", 16):
            left = size
            while left:
                piece = file.read(min(left, 65536))
                if not piece:
                    return
                left -= len(piece)
                if self._unpacking is not None:
                    self._text += self._unpacking.decompress(piece)
            file.readline()
            self.bytes += size
            if size > LARGE_BYTES:
                self.whole_at.append(time.time())
            if self._unpacking is not None:
                self._take()

    def _take(self) -> None:
        *messages, self._text = self._text.split(b"\n\n")
        for message in messages:
            fields = dict(line.split(b": ", 1) for line in message.split(b"\n") if b": " in line)
            if b"data" not in fields:
                continue
            data = json.loads(fields[b"data"])
            self.time = data["updated_at"]
            if fields[b"event"] == b"snapshot":
                self.records = {}
                names = ("flights", "controllers", "atis")
                data["changed"] = [record for name in names for record in data[name]]
            for record in data["changed"]:
                id_ = id_of(record)
                self.records[id_] = {**self.records.get(id_, {}), **record}
            for gone in data.get("gone", ()):
                self.records.pop(gone, None)


def id_of(record: dict[str, Any]) -> str:
    """As docs/api.md tells it."""
    return str(record.get("flight_id") or record.get("session_id") or record["callsign"])


def get(port: int, path: str) -> Any:
    """An answer of the service; None if there is none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return json.loads(body) if answer.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


def wait_for(condition: Any, what: str) -> Any:
    """What the condition gives when it holds."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(1)
    raise SystemExit(f"never came true: {what}")


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of vatwatch, ended at the end."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VATWATCH", "VATSIM"))}
    popen = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env={**kept, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield popen
    finally:
        if popen.poll() is None:
            popen.send_signal(signal.SIGTERM)
            popen.wait(60)


# --- the processes of clients ---------------------------------------------------------------------


def follow(port: int, count: int) -> None:
    """The clients: a line when all are there, and after a line of input what they have seen."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 200)), hard))
    clients: list[StreamReader] = []
    for number in range(count):
        clients.append(StreamReader(port, unpacks=number == 0))
        gevent.spawn(clients[-1].run)
        gevent.sleep(1 / CONNECTS)
    while not all(client.whole_at for client in clients):
        gevent.sleep(0.1)
    say("ready")
    gevent.get_hub().threadpool.apply(sys.stdin.readline)
    listed: dict[str, Any] = {}
    while clients[0].time != listed.get("updated_at"):  # an update may come in between
        listed = get(port, "/api/flights")
    flights = {id_of(record): record for record in listed["flights"]}
    same = {k: v for k, v in clients[0].records.items() if "flight_id" in v} == flights
    say(
        json.dumps(
            {
                "whole_at": [client.whole_at for client in clients],
                "bytes": [client.bytes for client in clients],
                "same": same,
            }
        )
    )


def read(port: int) -> None:
    """The reader: asks for single records, one after another, until a line of input comes."""
    callsigns = [record["callsign"] for record in get(port, "/api/flights")["flights"]]
    took: list[float] = []
    ended = gevent.spawn(gevent.get_hub().threadpool.apply, sys.stdin.readline)
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    say("ready")
    while not ended.ready():
        began = time.perf_counter()
        connection.request("GET", f"/api/flights/{callsigns[len(took) % len(callsigns)]}")
        connection.getresponse().read()
        took.append(time.perf_counter() - began)
        gevent.sleep(READS_EVERY_S)
    say(json.dumps(took))


def say(line: str) -> None:
    """To the process that has started this one."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# --- what is measured -----------------------------------------------------------------------------


def times_of(port: int, since: str) -> dict[str, dict[str, float]]:
    """By snapshot, when it was fetched, served and stored (seconds)."""
    found: dict[str, dict[str, float]] = {}
    query = f"type=DATA_FETCHED,DATA_CACHED,DATA_STORED&limit=1000&since={since}"
    for event in get(port, f"/api/events?{query}")["events"]:
        at = datetime.fromisoformat(event["time"]).timestamp()
        found.setdefault(event["correlation_id"], {})[event["type"]] = at
    return {key: one for key, one in found.items() if len(one) == 3}


def percentile(values: Sequence[float], share: float) -> float:
    """Of sorted or unsorted values."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Phase:
    """One of the two measurements."""

    def __init__(self, port: int, updates: int, worker: psutil.Process) -> None:
        since = datetime.now().astimezone().isoformat().replace("+", "%2B")
        cpu = sum(worker.cpu_times()[:2])
        with helper(port, "read") as reader:
            wait_for(lambda: len(times_of(port, since)) >= updates, f"{updates} updates")
            self.reads: list[float] = ask(reader)
        self.times = times_of(port, since)
        self.cpu_s = (sum(worker.cpu_times()[:2]) - cpu) / len(self.times)
        self.ingest = [one["DATA_STORED"] - one["DATA_FETCHED"] for one in self.times.values()]


@contextmanager
def helper(port: int, role: str, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this module; it has said that it is ready."""
    popen = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stream", "--role", role, "--port", str(port), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert popen.stdout is not None
        if popen.stdout.readline() != b"ready\n":
            raise SystemExit(f"the process that should {role} did not begin")
        yield popen
    finally:
        popen.kill()
        popen.wait()


def ask(popen: subprocess.Popen[bytes]) -> Any:
    """What it has seen."""
    assert popen.stdin is not None
    assert popen.stdout is not None
    popen.stdin.write(b"\n")
    popen.stdin.flush()
    return json.loads(popen.stdout.readline())


def latencies(seen: dict[str, Any], times: dict[str, dict[str, float]]) -> list[list[float]]:
    """By update, how long after it was served each client had the whole delta (seconds)."""
    served = sorted(one["DATA_CACHED"] for one in times.values())
    found = []
    for number, moment in enumerate(served):
        until = served[number + 1] if number + 1 < len(served) else float("inf")
        # The delta may be there a moment before the event about the state has its time.
        at = [[x for x in one if moment - 0.5 <= x < until - 0.5] for one in seen["whole_at"]]
        if not all(at):
            missing = sum(not each for each in at)
            raise SystemExit(f"{missing} clients have not got an update")
        found.append([each[0] - moment for each in at])
    return found


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--pilots", type=int, default=2000)
    parser.add_argument("--updates", type=int, default=8, help="in each measurement")
    parser.add_argument("--speed", type=float, default=1.0, help="2: an update every 7.5 s")
    parser.add_argument("--port", type=int, default=18590, help="this and the next are used")
    parser.add_argument("--role", choices=["all", "follow", "read"], default="all")
    options = parser.parse_args()
    if options.role == "follow":
        follow(options.port, options.clients)
    elif options.role == "read":
        read(options.port)
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Without clients, with them, and without."""
    port, feed = options.port, options.port + 1
    simulate = ["vatwatch", "simulate", "--port", str(feed), "--pilots", str(options.pilots)]
    with (
        tempfile.TemporaryDirectory(prefix="stream-") as home,
        process(*simulate, "--speed", str(options.speed)),
        process(
            "vatwatch",
            "run",
            VATWATCH_HOME=str(Path(home) / "home"),
            PORT=str(port),
            VATSIM_API_URL=f"http://127.0.0.1:{feed}/v3/vatsim-data.json",
            VATSIM_POLL_INTERVAL="1",
            VATWATCH_READ_RATE="off",
            VATWATCH_STREAM_CLIENTS=str(options.clients + 10),
            VATWATCH_STREAM_CLIENTS_PER_ADDRESS=str(options.clients + 10),
            EVENT_BUS_MAX_HISTORY_SIZE="100000",
        ) as service,
    ):
        wait_for(lambda: get(port, "/api/flights"), "the service serves flights")
        worker = next(
            one for one in psutil.Process(service.pid).children() if "postgres" not in one.name()
        )
        wait_for(lambda: len(times_of(port, "2020-01-01T00:00:00Z")) >= 2, "two updates")
        without = Phase(port, options.updates, worker)
        # What the blocks take that all share, and what the heap grows by once, is not a client's.
        few = max(1, options.clients // 10)
        with helper(port, "follow", "--clients", str(few)) as some:
            time.sleep(2.5 * UPDATE_S / options.speed)
            before = worker.memory_full_info().uss
            ask(some)
        with helper(port, "follow", "--clients", str(options.clients)) as clients:
            with_them = Phase(port, options.updates, worker)
            each = (worker.memory_full_info().uss - before) / max(1, options.clients - few)
            seen = ask(clients)
        again = Phase(port, options.updates, worker)
    show(options, [without, again], with_them, seen, each)


def show(
    options: argparse.Namespace, without: list[Phase], with_them: Phase, seen: Any, each: float
) -> None:
    """The tables."""
    delays = latencies(seen, with_them.times)
    last = [max(one) for one in delays]
    title = f"{options.clients} clients, {options.pilots} pilots, {len(delays)} updates"
    console = Console(file=sys.stdout, width=100)
    shown = Table("", "without", "with", "ratio", title=title)

    def row(name: str, one: float, other: float) -> None:
        shown.add_row(name, f"{one * 1e3:,.1f} ms", f"{other * 1e3:,.1f} ms", f"{other / one:.2f}")

    ingest = [one for phase in without for one in phase.ingest]
    reads = [one for phase in without for one in phase.reads]
    row("ingest, median", statistics.median(ingest), statistics.median(with_them.ingest))
    for share in (0.5, 0.99):
        name = f"read of one flight, p{share * 100:g}"
        row(name, percentile(reads, share), percentile(with_them.reads, share))
    cpu_s = statistics.mean(phase.cpu_s for phase in without)
    row("processor time an update", cpu_s, with_them.cpu_s)
    console.print(shown)
    everybody = [delay for one in delays for delay in one]
    console.print(
        "the delta after the state is served: "
        f"median {statistics.median(everybody) * 1e3:,.0f} ms, "
        f"p99 {percentile(everybody, 0.99) * 1e3:,.0f} ms, last client of the slowest update "
        f"{max(last) * 1e3:,.0f} ms\n"
        f"memory (USS) a client after the first tenth: {each / 1024:.1f} KiB; "
        f"received: {sum(seen['bytes']) / 1e6:,.0f} MB; "
        f"records as in the lists: {'yes' if seen['same'] else 'NO'}"
    )


if __name__ == "__main__":
    main()
