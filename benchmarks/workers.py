"""Benchmark: one worker and several, with the same PostgreSQL, Redis and feed.

    python -m benchmarks.workers [--workers N] [--pilots N] [--requests N] [--rounds N] …

Two services run side by side, each with databases of its own on one PostgreSQL and one Redis: one
has a single worker, the other several. Measured in turns:

- answers for each second of processor time that the workers take together, over connections that
  stay open, with a mix of live lists and single records. All that the followers do beside is in it;
- processor time of the worker that collects for each update, while nobody asks: what it costs it
  that others follow;
- memory of each worker (USS: what would be free without it), and how far followers are behind.

A ratio of 1 means that several workers cost no more than their share.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil
import psycopg2
from rich.console import Console
from rich.table import Table

from benchmarks.wire_reads import HOST, PATIENCE_S, Client, answered, free_port, process

# Of each path, one after the other, in the proportions of a map's and a roster tool's questions.
MIX = ("/api/network", "/api/flights/{callsign}", "/api/controllers", "/api/flights/{callsign}")
ROOT = Path(__file__).parents[1]


@dataclass(slots=True)
class Measured:
    """One service, and what was seen of it."""

    port: int
    master: psutil.Process
    rates: list[float] = field(default_factory=list)
    """Answers for a second of the workers' processor time."""
    updates_ms: list[float] = field(default_factory=list)
    """Of the collector's processor time for an update."""

    def get(self, path: str) -> Any:
        """The answer of any worker."""
        return msgspec.json.decode(answered(self.port, path)[1])

    def workers(self) -> list[psutil.Process]:
        """gunicorn's: the children that run the same program."""
        command = self.master.cmdline()
        return [child for child in self.master.children() if child.cmdline() == command]

    def nodes(self) -> list[dict[str, Any]]:
        """Those that are alive."""
        return [node for node in self.get("/api/status")["nodes"] if node["alive"]]

    def collector(self) -> psutil.Process:
        """The worker that collects."""
        for node in self.nodes():
            if node["role"] == "collector":
                return psutil.Process(node["pid"])
        raise SystemExit("nobody collects")


@contextmanager
def servers(directory: Path) -> Iterator[tuple[str, str]]:
    """The addresses of a PostgreSQL and a Redis, for as long as they are needed."""
    command = [sys.executable, str(ROOT / "scripts" / "demo_servers.py"), str(directory)]
    found = directory / "addresses"
    with subprocess.Popen(command) as running:
        try:
            end = time.monotonic() + PATIENCE_S
            while not found.exists():
                if running.poll() is not None or time.monotonic() > end:
                    raise SystemExit("the servers did not start")
                time.sleep(0.2)
            lines = (line.partition("=") for line in found.read_text().splitlines())
            said = {name: value.strip("'") for name, _, value in lines}
            yield said["DATABASE_URL"], said["REDIS_URL"]
        finally:
            running.terminate()


def cpu_s(processes: list[psutil.Process]) -> float:
    """Seconds of processor time that they have taken together."""
    times = [one.cpu_times() for one in processes]
    return float(sum(one.user + one.system for one in times))


def ask(measured: Measured, paths: list[str], requests: int) -> None:
    """Ask, and note how many answers came for each second of processor time."""
    client, workers = Client(measured.port), measured.workers()
    before = cpu_s(workers)
    for number in range(requests):
        client.get(paths[number % len(paths)])
    used_s = cpu_s(workers) - before
    client.close()
    measured.rates.append(requests / used_s)


def collect(measured: Measured, seconds: float) -> None:
    """Let updates come, and note what one has cost the collector."""
    worker = measured.collector()

    def stored() -> int:
        return int(measured.get("/api/status")["counts"]["snapshots_stored"])

    first, before = stored(), cpu_s([worker])
    time.sleep(seconds)
    used_s = cpu_s([worker]) - before
    measured.updates_ms.append(used_s / max(1, stored() - first) * 1000)


@contextmanager
def service(
    workers: int, home: Path, feed: int, database_url: str, redis_url: str
) -> Iterator[Measured]:
    """A service that answers, and all of whose workers are up to date."""
    port = free_port()
    environment = {
        "VATWATCH_HOME": str(home),
        "VATWATCH_WORKERS": str(workers),
        "VATWATCH_READ_RATE": "off",
        "VATSIM_API_URL": f"http://{HOST}:{feed}/v3/vatsim-data.json",
        "VATSIM_POLL_INTERVAL": "0.2",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HOST": HOST,
        "PORT": str(port),
    }
    with process(["-m", "vatwatch", "run"], environment) as master:
        measured = Measured(port, master)
        answered(port, "/api/flights")
        end = time.monotonic() + PATIENCE_S
        while len(measured.nodes()) < workers:
            if time.monotonic() > end:
                raise SystemExit(f"{workers} workers did not start")
            time.sleep(0.5)
        yield measured


def databases(url: str) -> tuple[str, str]:
    """The addresses of two new databases on the server."""
    conn = psycopg2.connect(url)
    conn.autocommit = True
    with conn.cursor() as cur:
        for name in ("alone", "several"):
            cur.execute(f"CREATE DATABASE {name}")
    conn.close()
    _, query = url.split("?")  # its host is in there
    return f"postgresql:///alone?{query}", f"postgresql:///several?{query}"


def lags_s(measured: Measured) -> list[float]:
    """How far each follower is behind, in some looks."""
    found = []
    for _ in range(10):
        time.sleep(1)
        found += [n["lag_s"] for n in measured.nodes() if n["role"] == "follower"]
    return [one for one in found if one is not None]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pilots", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=4000, help="in each round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30, help="of updates, in each round")
    parser.add_argument("--speed", type=float, default=5, help="simulated time to real time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workers-")))
        (directory / "servers").mkdir()
        database_url, redis_url = stack.enter_context(servers(directory / "servers"))
        feed = free_port()
        simulator = ["-m", "vatwatch", "simulate", f"--port={feed}", f"--pilots={options.pilots}",
                     f"--seed={options.seed}", f"--speed={options.speed}"]  # fmt: skip
        stack.enter_context(process(simulator, {}))
        urls = databases(database_url)
        alone, several = (
            stack.enter_context(
                service(workers, directory / name, feed, url, f"{redis_url}?db={number}")
            )
            for number, (workers, name, url) in enumerate(
                ((1, "alone", urls[0]), (options.workers, "several", urls[1]))
            )
        )
        callsign = several.get("/api/flights")["flights"][0]["callsign"]
        paths = [path.format(callsign=callsign) for path in MIX]
        for _ in range(options.rounds):
            for one in (alone, several):
                ask(one, paths, options.requests)
            for one in (alone, several):
                collect(one, options.seconds)
        lags = lags_s(several)
        show(options.workers, alone, several, lags)


def show(workers: int, alone: Measured, several: Measured, lags: list[float]) -> None:
    """Print a table."""
    table = Table("", "1 worker", f"{workers} workers", "ratio")
    rates = [statistics.median(one.rates) for one in (alone, several)]
    updates = [statistics.median(one.updates_ms) for one in (alone, several)]
    table.add_row("answers for a second of processor time", *(f"{one:,.0f}" for one in rates),
                  f"{rates[1] / rates[0]:.2f}")  # fmt: skip
    table.add_row("processor time of the collector for an update, ms",
                  *(f"{one:,.0f}" for one in updates),
                  f"{updates[1] / updates[0]:.2f}")  # fmt: skip
    table.add_row("memory of a worker (USS), MiB",
                  *(", ".join(f"{w.memory_full_info().uss / 2**20:.0f}" for w in one.workers())
                    for one in (alone, several)))  # fmt: skip
    table.add_row("lag of followers, median and longest, s", "",
                  f"{statistics.median(lags):.2f}, {max(lags):.2f}" if lags else "")  # fmt: skip
    Console(file=sys.stdout, width=110).print(table)


if __name__ == "__main__":
    main()
