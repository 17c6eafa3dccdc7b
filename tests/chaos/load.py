"""Clients that ask for anything, in an order of a seed, and what they get is judged."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException
from random import Random
from time import monotonic
from typing import Any, NamedTuple

import gevent
import msgspec

from tests.chaos.judge import Judge, Line
from tests.chaos.watch import ClusterWatch
from vatwatch.feed.times import parse_time

# The live state: each answer has its time.
LISTS = ("/api/flights", "/api/controllers", "/api/atis", "/api/prefiles", "/api/network",
         "/api/airports", "/api/transceivers", "/api/flights?limit=20&sort=-altitude",
         "/api/flights?altitude=..10000")  # fmt: skip
PAST = (
    "/api/events?limit=50",
    "/api/frequency-matches?limit=50",
    "/api/events?type=FLIGHT_CREATED",
)
# What the collector knows is asked of it.
INSIDE = ("/api/status", "/api/supervision/tree", "/api/services", "/api/services/health",
          "/api/errors", "/api/errors/circuit-breakers", "/api/events/analytics",
          "/api/database/health", "/api/cache/health", "/api/alerts", "/metrics", "/healthz",
          "/readyz", "/api/config")  # fmt: skip
# A record that the lists have had for so many updates is known to every worker that answers.
KNOWN_FOR = 4
PAUSE_S = 0.2
# A client that was told to come later comes sooner: others may be served by then.
LATER_S = 0.5


class Reply(NamedTuple):
    """A whole answer. `content`: the JSON in it; None if there is none."""

    status: int
    content: Any


@dataclass(slots=True)
class Known:
    """Who is in the lists, and since when, as far as the clients have seen."""

    since: dict[str, dict[str, datetime]] = field(default_factory=dict)
    """By path of the list, then by the path of the record."""
    updates: list[datetime] = field(default_factory=list)

    def see(self, path: str, update: datetime, names: set[str]) -> None:
        """A whole list."""
        if not self.updates or update > self.updates[-1]:
            self.updates.append(update)
        before = self.since.get(path, {})
        self.since[path] = {name: before.get(name, update) for name in names}

    def old(self, path: str) -> list[str]:
        """Those that every worker knows."""
        if len(self.updates) < KNOWN_FOR:
            return []
        until = self.updates[-KNOWN_FOR]
        return sorted(name for name, at in self.since.get(path, {}).items() if at <= until)


@dataclass(slots=True)
class Load:
    """Many clients, each in a greenlet."""

    port: int
    judge: Judge
    watch: ClusterWatch
    seed: int
    known: Known = field(default_factory=Known)
    _ends: bool = False
    _callers: list[Any] = field(default_factory=list)

    def start(self, clients: int) -> None:
        """Let so many come."""
        for number in range(clients):
            caller = Caller(self, Random(f"{self.seed} {number}"))
            self._callers.append(gevent.spawn(caller.run))

    def stop(self) -> None:
        """Let all finish what they are at."""
        self._ends = True
        gevent.joinall(self._callers, raise_error=True)

    @property
    def ends(self) -> bool:
        """Whether the clients are to go."""
        return self._ends


class Caller:
    """One client."""

    def __init__(self, load: Load, random: Random) -> None:
        self._load, self._random = load, random
        self._judge = load.judge
        self._tags: dict[str, str] = {}
        self._updated_at: datetime | None = None

    def run(self) -> None:
        """Open one connection after the other, until the load ends."""
        while not self._load.ends:
            try:
                line = Line(self._load.port)
            except OSError as error:
                self._judge.blame("a connection", repr(error))
                gevent.sleep(LATER_S)
                continue
            self._updated_at = None
            questions = self._random.choice((1, 1, 5, 20))
            while questions and line.is_open and not self._load.ends:
                questions -= 1
                self._one(line)
                gevent.sleep(self._random.expovariate(1 / PAUSE_S))
            line.close()

    def _one(self, line: Line) -> None:
        kinds: list[Callable[[Line], None]] = [self._list, self._record, self._past, self._inside]
        self._random.choices(kinds, (6, 3, 2, 2))[0](line)

    def _list(self, line: Line) -> None:
        path = self._random.choice(LISTS)
        reply = self._ask(line, path, tagged=self._random.random() < 0.5)
        if reply is not None and path in ("/api/flights", "/api/controllers") and reply.content:
            records = reply.content[path.removeprefix("/api/")]
            update = parse_time(reply.content["updated_at"])
            self._load.known.see(path, update, {one["callsign"] for one in records})

    def _record(self, line: Line) -> None:
        of_list, path = self._random.choice(
            (
                ("/api/flights", "/api/flights/{}"),
                ("/api/flights", "/api/flights/{}/track"),
                ("/api/controllers", "/api/controllers/{}"),
            )
        )
        names = self._load.known.old(of_list)
        if names:
            name = self._random.choice(names)
            self._ask(line, path.format(name), listed=(of_list, name))

    def _past(self, line: Line) -> None:
        self._ask(line, self._random.choice(PAST))

    def _inside(self, line: Line) -> None:
        self._ask(line, self._random.choice(INSIDE))

    def _ask(
        self,
        line: Line,
        path: str,
        *,
        tagged: bool = False,
        listed: tuple[str, str] | None = None,
    ) -> Reply | None:
        """Ask, and judge. `listed`: a 404 is right if this list does not have this one."""
        headers = {"Accept-Encoding": "gzip"} if self._random.random() < 0.1 else {}
        if tagged and path in self._tags:
            headers["If-None-Match"] = self._tags[path]
        began, begun = monotonic(), False
        try:
            line.http.request("GET", path, headers=headers)
            answer = line.http.getresponse()
            begun = True
            body = answer.read()
        except (OSError, HTTPException) as error:
            self._judge.cut(path, line, error, begun=begun)
            line.close()
            return None
        line.answered += 1
        self._judge.slowest_s = max(self._judge.slowest_s, monotonic() - began)
        if answer.status == 404 and listed is not None:
            self._not_found(line, path, listed)
            return None
        self._judge.status(path, answer.status, answer.headers, tagged="If-None-Match" in headers)
        if answer.headers.get("ETag"):
            self._tags[path] = answer.headers["ETag"]
        if answer.status in (429, 503):
            gevent.sleep(LATER_S)
        if answer.status != 200:
            return None
        return self._read(path, answer.headers.get("Content-Type", ""), body)

    def _read(self, path: str, kind: str, body: bytes) -> Reply | None:
        content: Any = None
        try:
            if body[:2] == b"\x1f\x8b":
                body = gzip.decompress(body)
            if "json" in kind:
                content = msgspec.json.decode(body)
        except (ValueError, EOFError, OSError) as error:
            self._judge.blame(path, f"its body cannot be read: {error!r}")
            return None
        if path in LISTS and isinstance(content, dict) and content.get("updated_at"):
            self._see(path, parse_time(content["updated_at"]))
        return Reply(200, content)

    def _see(self, path: str, update: datetime) -> None:
        """What one worker serves never goes back."""
        if self._updated_at is not None and update < self._updated_at:
            self._judge.blame(path, f"{update} after {self._updated_at}, on one connection")
        self._updated_at = update
        self._judge.oldest_s = max(self._judge.oldest_s, self._load.watch.age_s(update))

    def _not_found(self, line: Line, path: str, listed: tuple[str, str]) -> None:
        """It may have gone. The same connection leads to the same worker: that must say so, too."""
        of_list, name = listed
        self._judge.answers["404 of who has gone"] += 1
        for again in range(2):
            if not line.is_open:
                return
            reply = self._ask(line, f"{of_list}?callsign={name}")
            if reply is None or reply.content is None:
                return
            records = reply.content[of_list.removeprefix("/api/")]
            if name not in {one["callsign"] for one in records}:
                return
            if again:
                self._judge.blame(path, f"404, and {of_list} has it")
