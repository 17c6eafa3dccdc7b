"""Benchmark: clients of the stream over the updates of a whole day, one soon after another.

    python -m benchmarks.long_stream [--updates N] [--clients N] [--pilots N] [--seed N]

The service runs with its embedded PostgreSQL, the clients in a process of their own, on loopback.
The next update comes as soon as the one before is served. Some clients are slow, some are cut off
for it, some leave and come back with the last `id` they got. At random moments and at the end the
feed waits, and each client must have what the lists say. Memory and descriptors of the service are
read all along, and each update must be in the database.

It exits with 1 if anything of that does not hold.
"""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import json
import socket
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import gevent
import msgspec
from rich.console import Console
from rich.table import Table

from tests.feed_server import FeedServer
from tests.process import Process, started
from vatsim_simulator.areas import POSITIONS_DATA, SECTORS, write_areas

# What clients ask for: channels, and a filter.
QUERIES: tuple[tuple[str, dict[str, str]], ...] = (
    ("positions,controllers", {}),
    ("positions", {}),
    ("positions", {"altitude": "..10000"}),
    ("positions", {"phase": "cruise"}),
    ("positions", {"bbox": "-15,35,30,62"}),
    ("positions", {"near": "50,8,300"}),
    ("positions", {"departure": "E*"}),
    ("positions", {"callsign": "*1*"}),
    ("positions", {"groundspeed": "100..300"}),
    ("controllers", {}),
    ("controllers", {"facility": "4..6"}),
    ("positions,controllers", {"fir": "E*,L*"}),
    ("events", {}),
)
LISTS = {"positions": ("flights",), "controllers": ("controllers", "atis"), "events": ()}
# What clients are like, one of ten each.
KINDS = ("steady",) * 5 + ("slow", "slow", "cut off", "back again", "back again")
# The service cuts off who takes nothing for 30 s.
TOO_SLOW_S = 45.0
PATIENCE_S = 120.0
# The log of the stream and the memory of events fill for ten minutes; then nothing may grow.
SETTLED_S = 660.0
MOST_GROWTH = 1.15


# --- the process of the clients -------------------------------------------------------------------


class LongClient:
    """A client that leaves, sleeps and comes back as its kind does, until it is told to stop."""

    def __init__(self, port: int, number: int, seed: int) -> None:
        self.kind = KINDS[number % len(KINDS)]
        self.channels, self.filters = QUERIES[number % len(QUERIES)]
        self.path = "/api/stream?" + urlencode({"channels": self.channels, **self.filters})
        self.records: dict[str, Any] = {}
        self.events: list[str] = []
        self.time, self.last_id = "", ""
        self.seen: Counter[str] = Counter()
        self.faults: list[str] = []
        self.hurries = False
        """Whether it takes what comes at once, so that it can be compared."""
        self._port, self._random, self._gzip = port, Random(f"{seed} {number}"), number % 3 > 0

    def run(self) -> None:
        """Follow, for ever."""
        while True:
            try:
                self._follow()
            except (OSError, HTTPException, EOFError):
                self.seen["connections ended"] += 1
            if not self.hurries and self.kind == "back again":
                self._sleep(self._random.uniform(0, 20))
            gevent.sleep(0.05)

    def _follow(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        if self._gzip:
            headers["Accept-Encoding"] = "gzip"
        connection.request("GET", self.path, headers=headers)
        assert connection.sock is not None
        if self.kind != "steady":
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        answer = connection.getresponse()
        if answer.status != 200:
            self.seen[f"answers {answer.status}"] += 1
            connection.close()
            gevent.sleep(1)
            return
        self.seen["connections"] += 1
        unpack = zlib.decompressobj(31).decompress if self._gzip else bytes
        updates = self._random.randint(3, 60)
        first, text = bool(self.last_id), b""
        with closing(connection):
            while self.kind != "back again" or self.hurries or updates > 0:
                piece = answer.read1(65536)
                if not piece:
                    raise EOFError
                *messages, text = (text + unpack(piece)).split(b"\n\n")
                for message in messages:
                    kind = self._take(message)
                    updates -= kind == "delta"
                    if first and kind == "snapshot":
                        self.seen["snapshots in the place of what was missed"] += 1
                    first = first and not kind
                self._rest()

    def _rest(self) -> None:
        if self.hurries:
            return
        if self.kind == "slow":
            self._sleep(self._random.uniform(0, 4))
        elif self.kind == "cut off" and self._random.random() < 0.02:
            self.seen["naps"] += 1
            self._sleep(TOO_SLOW_S)

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.hurries:
            gevent.sleep(0.2)

    def _take(self, message: bytes) -> str:
        fields = dict(line.split(b": ", 1) for line in message.split(b"\n") if b": " in line)
        kind = fields.get(b"event", b"").decode()
        if b"data" in fields:
            data = msgspec.json.decode(fields[b"data"])
            self.seen[kind] += 1
            if kind == "event":
                self.events.append(data["id"])
            elif kind in ("snapshot", "delta"):
                self._apply(kind, data)
        self.last_id = fields.get(b"id", self.last_id.encode()).decode()
        return kind

    def _apply(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "snapshot":
            self.records.clear()
            names = [name for one in LISTS.values() for name in one]
            data["changed"] = [record for name in names for record in data.get(name, ())]
        for record in data["changed"]:
            id_ = id_of(record)
            self.records[id_] = {**self.records.get(id_, {}), **record}
        for gone in data.get("gone", ()):
            self.records.pop(gone, None)
        self.time = data["updated_at"]


def id_of(record: dict[str, Any]) -> str:
    """As docs/api.md tells it."""
    return str(record.get("flight_id") or record.get("session_id") or record["callsign"])


def follow(port: int, count: int, seed: int) -> None:
    """The clients. A line of input has the time of the update that is served, and asks whether all
    have what the lists have."""
    clients = [LongClient(port, number, seed) for number in range(count)]
    for client in clients:
        gevent.spawn(client.run)
        gevent.sleep(0.02)
    say("ready")
    while line := gevent.get_hub().threadpool.apply(sys.stdin.readline):
        say(json.dumps(compare(port, clients, line.strip())))


def compare(port: int, clients: list[LongClient], moment: str) -> dict[str, Any]:
    """What is different between the clients and the lists at a moment."""
    told = [client for client in clients if client.channels != "events"]
    for client in clients:
        client.hurries = True
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(client.time != moment for client in told):
        gevent.sleep(0.05)
    faults = [
        f"{client.kind} {client.path} is at {client.time}, not {moment}"
        for client in told
        if client.time != moment
    ]
    lists = {str(query): listed(port, *query) for query in QUERIES}
    for client in told:
        wanted = lists[str((client.channels, client.filters))]
        if client.time == moment and client.records != wanted:
            ids = [id_ for id_ in wanted | client.records if not same(id_, wanted, client.records)]
            faults.append(f"{client.kind} {client.path} differs at {moment}: {ids[:5]}")
    faults += compare_events(port, [client for client in clients if client.channels == "events"])
    for client in clients:
        client.hurries = False
    seen: Counter[str] = sum((client.seen for client in clients), Counter())
    return {"compared": len(told), "faults": faults, "seen": seen}


def same(id_: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether both have the same of it."""
    return bool(one.get(id_) == other.get(id_))


def compare_events(port: int, clients: list[LongClient]) -> Iterator[str]:
    """Of the events that clients should have since they came, which one is missing or there twice.
    The first of them is the one that came first."""
    listed_events = get(port, "/api/events?limit=200")["events"]
    kinds = {one["id"]: one["type"] for one in listed_events}
    latest = list(kinds)
    everything = clients[0].events
    if everything and everything[0] in latest:
        latest = latest[: latest.index(everything[0]) + 1]
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not set(latest) <= set(everything):
        gevent.sleep(0.05)  # it is in the table before the stream tells it
    for client in clients:
        while time.monotonic() < deadline and client.events[-1:] != everything[-1:]:
            gevent.sleep(0.05)
        if len(set(client.events)) < len(client.events):
            yield f"{client.kind} client of events was told one twice"
        if client.events and client.events != everything[everything.index(client.events[0]) :]:
            yield f"a {client.kind} client of events has others than the first one"
    if missing := set(latest) - set(everything):
        what = sorted(kinds[one] for one in missing)
        yield f"the first client of events lacks of the latest {len(latest)}: {what}"


def listed(port: int, channels: str, filters: dict[str, str]) -> dict[str, Any]:
    """What the lists have of a query, by id."""
    found = {}
    for name in (name for channel in channels.split(",") for name in LISTS[channel]):
        answer = get(port, f"/api/{name}?{urlencode(filters)}")
        # A filter that a list does not have leaves out all of it.
        for record in answer.get(name, ()):
            found[id_of(record)] = record
    return found


def get(port: int, path: str) -> Any:
    """An answer, also that of a problem."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    with closing(connection):
        connection.request("GET", path)
        return msgspec.json.decode(connection.getresponse().read())


def say(line: str) -> None:
    """To the process that has started this one."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# --- what is measured -----------------------------------------------------------------------------


@contextmanager
def helper(port: int, clients: int, seed: int) -> Iterator[subprocess.Popen[str]]:
    """The process of the clients."""
    command = [sys.executable, "-m", "benchmarks.long_stream", "--follow", str(port)]
    command += ["--clients", str(clients), "--seed", str(seed)]
    popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert popen.stdout is not None
        if popen.stdout.readline() != "ready\n":
            raise SystemExit("the process of the clients did not begin")
        yield popen
    finally:
        popen.kill()
        popen.wait()


class LongRun:
    """Hands in one update after another, and looks at the service."""

    def __init__(self, service: Process, feeds: FeedServer, clients: Any) -> None:
        self._service, self._feeds, self._clients = service, feeds, clients
        self._worker = service.worker()
        self._began = time.monotonic()
        self.served_after_s: list[float] = []
        self.compared = self.checks = 0
        self.faults: list[str] = []
        self.seen: dict[str, int] = {}
        self.samples: list[tuple[float, int, float, int, int]] = []
        """Seconds, updates, MiB, descriptors and threads of the worker."""

    def advance(self) -> str:
        """The next update, until it is served; returns its time as the API writes it."""
        began = time.monotonic()
        self._feeds.advance()
        wanted = self._feeds.published
        moment = str(wanted.counts.update_timestamp)
        while (served := self._served())[:19] != moment[:19]:
            if time.monotonic() - began > PATIENCE_S:
                raise SystemExit(f"{moment} is not served: {served} is")
            gevent.sleep(0.01)
        self.served_after_s.append(time.monotonic() - began)
        return served

    def _served(self) -> str:
        return str(get(self._service.port, "/api/network")["updated_at"])

    def check(self, served: str) -> None:
        """Let the feed wait until all clients are compared."""
        self.checks += 1
        clients = self._clients
        clients.stdin.write(served + "\n")
        clients.stdin.flush()
        found = json.loads(clients.stdout.readline())
        self.compared += found["compared"]
        self.faults += found["faults"]
        for fault in found["faults"]:
            sys.stderr.write(f"{fault}\n")
        self.seen = found["seen"]

    def sample(self) -> None:
        """Read what the worker has."""
        with self._worker.oneshot():
            mib = self._worker.memory_info().rss / 2**20
            row = (mib, self._worker.num_fds(), self._worker.num_threads())
        self.samples.append((time.monotonic() - self._began, len(self.served_after_s), *row))

    def stored(self) -> int:
        """How many snapshots are in the database, once none waits."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status = self._service.get("/api/status")[1]
            if status["journal"]["pending"] == 0:
                break
            gevent.sleep(0.5)
        return int(status["database"]["store"]["stored"])

    def judge(self, stored: int) -> None:
        """Add what does not hold."""
        if stored != len(self.served_after_s) + 1:
            self.faults.append(f"{stored} snapshots are stored of {len(self.served_after_s) + 1}")
        settled = [one for one in self.samples if one[0] >= SETTLED_S]
        if len(settled) > 4:
            quarter = len(settled) // 4
            for number, what in ((2, "memory"), (3, "descriptors"), (4, "threads")):
                first = median(one[number] for one in settled[:quarter])
                last = median(one[number] for one in settled[-quarter:])
                if last > first * MOST_GROWTH:
                    self.faults.append(f"{what} have grown from {first:.0f} to {last:.0f}")
        if "Traceback" in self._service.said():
            self.faults.append("the service has written a traceback")


def main() -> None:
    """Run, print, and say by the exit code whether all holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=5760, help="a day has 5,760")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--pilots", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--follow", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.follow:
        follow(options.follow, options.clients, options.seed)
        return
    random = Random(options.seed)
    start = datetime.now(UTC) - timedelta(days=1, minutes=30)
    with (
        TemporaryDirectory(prefix="long-stream-") as place,
        FeedServer(pilots=options.pilots, seed=options.seed, start=start) as feeds,
        started(
            Path(place) / "home",
            Path(place) / "log",
            **environment(place, feeds),
            # Who comes back may be there before it is noticed that he had gone.
            VATWATCH_STREAM_CLIENTS_PER_ADDRESS=2 * options.clients,
        ) as service,
    ):
        service.until_ready()
        with helper(service.port, options.clients, options.seed) as clients:
            run = LongRun(service, feeds, clients)
            next_check = 20
            for number in range(1, options.updates + 1):
                served = run.advance()
                if number % 50 == 0:
                    run.sample()
                if number in (next_check, options.updates):
                    run.check(served)
                    next_check = number + random.randint(50, 250)
                    progress(run)
            run.judge(run.stored())
    show(run, options)
    sys.exit(bool(run.faults))


def environment(place: str, feeds: FeedServer) -> dict[str, Any]:
    """How the service is set."""
    areas = Path(place) / "areas"
    write_areas(areas)
    return {
        "VATSIM_API_URL": feeds.url,
        "VATSIM_POLL_INTERVAL": 0.1,
        "VATWATCH_READ_RATE": "off",
        "VATWATCH_POSITIONS_DATA": ",".join(str(areas / name) for name in POSITIONS_DATA),
        "VATWATCH_SECTORS": ",".join(str(areas / name) for name in SECTORS),
    }


def progress(run: LongRun) -> None:
    """A line for who waits."""
    last = run.samples[-1] if run.samples else None
    sys.stderr.write(f"{len(run.served_after_s)} updates, {len(run.faults)} faults, {last}\n")
    sys.stderr.flush()


def show(run: LongRun, options: argparse.Namespace) -> None:
    """The tables."""
    console = Console(file=sys.stdout, width=100)
    took = sorted(run.served_after_s)
    total_s = run.samples[-1][0] if run.samples else 0.0
    console.print(
        f"{len(took):,} updates of {options.pilots} pilots, {options.clients} clients: "
        f"{len(took) / max(total_s, 1.0):.2f} updates a second; served after "
        f"median {median(took):.2f} s, p99 {took[int(len(took) * 0.99)]:.2f} s, "
        f"longest {took[-1]:.2f} s\n"
        f"{run.compared:,} comparisons at {run.checks} moments, {len(run.faults)} faults"
    )
    for fault in run.faults[:20]:
        console.print(fault, style="red")
    seen = Table("what clients saw", "how often")
    for name, count in sorted(run.seen.items()):
        seen.add_row(name or "ids alone", f"{count:,}")
    console.print(seen)
    table = Table("after", "updates", "memory (RSS)", "descriptors", "threads")
    for seconds, updates, mib, *counts in run.samples[:: max(len(run.samples) // 12, 1)]:
        table.add_row(f"{seconds:,.0f} s", f"{updates:,}", f"{mib:.0f} MiB", *map(str, counts))
    console.print(table)


if __name__ == "__main__":
    main()
