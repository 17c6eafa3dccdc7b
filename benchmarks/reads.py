"""Benchmark: answers of the live API, against the least that must be done, in the same run.

    python -m benchmarks.reads [--pilots N] [--requests N] [--rounds N] [--seed S]

The service's own tree and app answer WSGI requests in this process, without sockets: gunicorn's
share is the same for everybody. The floor is a Falcon app with one resource that answers with the
same bytes, made beforehand. Floor and service take turns, so that other programs disturb both; of
each the best round counts.
"""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import thread_time
from typing import Any

import falcon
import gevent
from falcon.testing import create_environ
from rich.console import Console
from rich.table import Table

from vatsim_simulator.publication import publish
from vatsim_simulator.world import World
from vatwatch.config.settings import load
from vatwatch.feed.decode import peek
from vatwatch.feed.times import parse_time
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.http.rates import RateLimit
from vatwatch.messages import AppendSnapshot
from vatwatch.supervision import Tree
from vatwatch.system import build

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
GZIP = {"Accept-Encoding": "gzip"}

Get = Callable[[], bytes]


class Floor:
    """Answers with the same bytes each time."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def on_get(self, _req: falcon.Request, resp: falcon.Response, **_params: str) -> None:
        """The least that an answer takes."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._content


def getter(app: Any, path: str, client: socket.socket) -> Get:
    """Asks an app for a path, as gunicorn does, and reads the whole answer.

    `client` is looked at before the question is answered: has whoever asks hung up?
    """
    environ = create_environ(path, headers=GZIP, remote_addr="127.0.0.1")
    environ["gunicorn.socket"] = client

    def get() -> bytes:
        said: list[str] = []
        body = b"".join(app(dict(environ), lambda status, _headers, *_: said.append(status)))
        if not said[0].startswith("200"):
            raise SystemExit(f"{path}: {said[0]}")
        return body

    return get


def rate(get: Get, requests: int) -> float:
    """Answers a second of processor time: other programs must not count."""
    began = thread_time()
    for _ in range(requests):
        get()
    return requests / (thread_time() - began)


@contextmanager
def service(pilots: int, seed: int) -> Iterator[tuple[Tree, str]]:
    """A tree with a live state, and the callsign of somebody in it."""
    world = World(seed, pilots, START)
    update = publish(0, world.feed(), world.radios())
    with tempfile.TemporaryDirectory(prefix="reads-") as home:
        tree = build(load(env={"VATWATCH_HOME": home}, directory=Path(home)), polls=False)
        tree.start()
        try:
            time = parse_time(peek(update.data.raw).update_timestamp)
            tree.directory.address("journal").ask(
                AppendSnapshot(
                    time, datetime.now(UTC), update.data.raw, update.transceivers.raw, "benchmark"
                ),
                timeout_s=60,
            )
            yield tree, world.feed().pilots[0].callsign
        finally:
            tree.stop(60)


def app_of(tree: Tree) -> Any:
    """The app with the bounds that a service has, too high to be reached here."""
    authorization = WriteAuthorization([], rate="1/minute")
    rate = RateLimit("1000000000/minute")
    return create_app(AppContext(tree, START, authorization, read_rate=rate))


def main() -> None:
    """Measure, and print answers a second and their ratio to the floor."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pilots", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=2000, help="in each round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    shown = Table("GET", "answers/s", "floor/s", "ratio", title=f"{options.pilots} pilots")
    client, other_end = socket.socketpair()
    with client, other_end, service(options.pilots, options.seed) as (tree, callsign):
        app = app_of(tree)
        paths = ("/api/flights", f"/api/flights/{callsign}", "/api/network", "/api/status")
        while not served(app):
            gevent.sleep(0.05)
        for path in paths:
            ours = getter(app, path, client)
            bare = falcon.App()
            bare.add_route("/x", Floor(ours()))
            floor = getter(bare, "/x", client)
            rounds = [
                (rate(ours, options.requests), rate(floor, options.requests))
                for _ in range(options.rounds)
            ]
            best, least = (max(values) for values in zip(*rounds, strict=True))
            name = path.replace(callsign, "{callsign}")
            shown.add_row(name, f"{best:,.0f}", f"{least:,.0f}", f"{best / least:.3f}")
    Console(file=sys.stdout, width=90).print(shown)


def served(app: Any) -> bool:
    """Whether there is something to answer with."""
    said: list[str] = []
    b"".join(app(create_environ("/api/flights"), lambda status, *_: said.append(status)))
    return said[0].startswith("200")


if __name__ == "__main__":
    main()
