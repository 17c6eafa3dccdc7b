"""Clients of the stream, which go on at another worker when theirs is killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException, HTTPResponse
from typing import Any

import gevent

from tests.chaos.cluster import ClusterHouse
from tests.chaos.house import wait_until
from tests.chaos.judge import Judge, Line
from vatwatch.client import Present, ProblemReceived, StreamMessage
from vatwatch.client.following import SILENCE_S, Following, Unreadable
from vatwatch.feed.times import parse_time

PATH = "/api/stream"
# What they follow: the query of the stream, and of the lists that say the same.
QUERIES = (
    ("", ""),
    ("", ""),
    ("channels=positions,controllers", ""),
    ("altitude=..20000", "altitude=..20000"),
)
FIELDS = (("flights", "flight_id"), ("controllers", "session_id"), ("atis", "callsign"))
# Events come after the state that they belong to, and with a little delay.
LAST_UPDATES = 2


@dataclass(slots=True)
class Stretch:
    """What was told from a snapshot on: no event of this time may be missing."""

    updates: list[datetime] = field(default_factory=list)
    events: dict[str, datetime | None] = field(default_factory=dict)
    """By id, with the update that they belong to; None: they are of the service itself."""

    def of(self, update: datetime) -> set[str]:
        """The events of an update."""
        return {id_ for id_, about in self.events.items() if about == update}

    def inside(self) -> set[datetime]:
        """The updates of which all was told."""
        return set(sorted(set(self.updates))[1:-LAST_UPDATES])


@dataclass(slots=True)
class StreamCaller:
    """One client."""

    house: ClusterHouse
    judge: Judge
    query: str
    list_query: str
    present: Present = field(default_factory=Present)
    stretches: list[Stretch] = field(default_factory=list)
    connections: int = 0
    _sequence: int = 0
    _following: Following = field(init=False)

    def __post_init__(self) -> None:
        self._following = Following("", None, None)

    def run(self) -> None:
        """Follow until this greenlet is killed."""
        while True:
            try:
                line = Line(self.house.port)
            except OSError as error:
                self.judge.blame(PATH, repr(error))
                self._following.lost(error)
            else:
                self.connections += 1
                try:
                    self._connect(line)
                finally:
                    line.close()
            gevent.sleep(self._following.pause_s())

    def _connect(self, line: Line) -> None:
        headers = {**self._following.headers(), "Accept-Encoding": "identity"}
        try:
            line.http.request("GET", f"{PATH}?{self.query}", headers=headers)
            answer = line.http.getresponse()
        except (OSError, HTTPException) as error:
            self.judge.stream_ended(line, error)
            self._following.lost(error)
            return
        self.judge.status(PATH, answer.status, answer.headers)
        if answer.status != 200:
            self._refused(answer)
            return
        line.socket.settimeout(SILENCE_S)
        with answer:
            self._read(line, answer)

    def _refused(self, answer: HTTPResponse) -> None:
        try:
            self._following.refused(answer.status, answer.headers, answer.read())
        except (ProblemReceived, OSError, HTTPException) as error:
            self.judge.blame(PATH, repr(error))

    def _read(self, line: Line, answer: HTTPResponse) -> None:
        error: Exception | None = None
        try:
            self._following.opened(answer.headers)
            while content := answer.read1(65536):
                for message in self._following.take(content):
                    self._take(message)
        except (OSError, HTTPException) as cut:
            error = cut
        except Unreadable as unreadable:
            self.judge.blame(PATH, repr(unreadable))
        self.judge.stream_ended(line, error)
        self._following.lost(error or "it has ended")

    def _take(self, message: StreamMessage) -> None:
        """Judge a message: nothing is missing before it, and nothing is told twice."""
        # With a snapshot all begins anew: a killed worker may have told what nobody else knows.
        sequence = int(message.id.rpartition("/")[2] or 0)
        if sequence < self._sequence and message.kind != "snapshot":
            self.judge.blame(
                PATH, f"the id {message.id} of a {message.kind} after {self._sequence}"
            )
        self._sequence = sequence
        known = self.present.updated_at
        if message.kind == "snapshot":
            self.stretches.append(Stretch())
        elif message.kind == "delta":
            previous = message.data["previous"]
            if previous is not None and (known is None or parse_time(previous) > parse_time(known)):
                self.judge.blame(PATH, f"a hole: a delta since {previous}, and it was at {known}")
        elif message.kind == "event":
            events = self.stretches[-1].events
            if message.data["id"] in events:
                self.judge.blame(PATH, f"told twice: {message.data['type']} {message.data['id']}")
            is_of_update = message.data["source"] == "processor"
            about = parse_time(message.data["correlation_id"]) if is_of_update else None
            events[message.data["id"]] = about
        self.present.take(message)
        if message.kind in ("snapshot", "delta") and message.data["updated_at"]:
            self.stretches[-1].updates.append(parse_time(message.data["updated_at"]))

    # --- at the end -----------------------------------------------------------------------------

    def catch_up(self) -> None:
        """What it has is what the lists say. Raises NotRecovered."""
        wait_until(f"the stream {self.query} to say what the lists say", self._has_what_is_listed)

    def differences(self, other: StreamCaller) -> list[str]:
        """Where two clients who have asked for the same were told of different events: both were
        there before and after."""
        found = []
        for ours in self.stretches:
            for theirs in other.stretches:
                for update in sorted(ours.inside() & theirs.inside()):
                    only = ours.of(update) ^ theirs.of(update)
                    if only:
                        found.append(f"of {update} only one of two streams told {len(only)} events")
        return found

    def _has_what_is_listed(self) -> bool:
        listed: dict[str, Any] = {}
        query = f"?{self.list_query}" if self.list_query else ""
        for name, key in FIELDS:
            # A list that does not have the filter has nobody in the stream.
            if query and name != "flights":
                continue
            answer = self.house.get(f"/api/{name}{query}")
            if answer is None or answer["updated_at"] != self.present.updated_at:
                return False
            listed |= {one[key]: one for one in answer[name]}
        present = {**self.present.flights, **self.present.controllers, **self.present.atis}
        return present == listed
