"""Benchmark: what a question to the list of flights costs.

    python -m benchmarks.queries [--pilots N ...] [--rounds N] [--seed S]

*First*: the first question after a snapshot, which makes the list ready. *Each*: a question that
nobody has asked of this snapshot yet. *Again*: one that somebody has. All are asked of the
service's own app in this process, without sockets, with gzip; times are of the clock, the median
of the rounds. *Stall*: by how much a greenlet that wakes every millisecond was late at most.
"""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import socket
import sys
from statistics import median
from time import perf_counter
from typing import Any

import gevent
from falcon.testing import create_environ
from rich.console import Console
from rich.table import Table

from benchmarks.reads import GZIP, app_of, served, service
from vatwatch.messages import MarksChanged
from vatwatch.supervision import Tree
from vatwatch.traffic.marks import Marks

# Each has a number in it that makes it another question, and changes nothing that matters.
QUESTIONS = {
    "one airline": "airline=BAW&online_s=..{0}",
    "a page": "sort=-altitude,callsign&limit=100&online_s=..{0}",
    "a map": "bbox=-11,49,2,61&fields=callsign,latitude,longitude&online_s=..{0}",
    "fifty patterns": "callsign={patterns}&online_s=..{0}",
    "every filter": (
        "callsign=*&departure=*&arrival=*&aircraft=*&airline=*&squawk=*&flight_rules=I,V"
        "&near=50,8,10800&bbox=-180,-90,180,90&altitude=-2000..&groundspeed=0..&heading=0..360"
        "&distance_flown_nm=0..&sort=arrival,-altitude,callsign&online_s=..{0}"
    ),
    "everybody": "online_s=..{0}",
    "everybody, as CSV": "online_s=..{0}&format=csv",
    "everybody, as GeoJSON": "online_s=..{0}&format=geojson",
}
PATTERNS = ",".join(f"*{number}*{number + 1}*{number + 2}*" for number in range(50))
LONG_S = 1_000_000


class Asker:
    """Asks the app, and keeps the longest time that the hub was held."""

    def __init__(self, app: Any, client: socket.socket) -> None:
        self._app = app
        self._client = client
        self._number = LONG_S
        self.stall_s = 0.0
        self._watch = gevent.spawn(self._look)

    def ask(self, question: str) -> float:
        """Seconds until the whole answer is there."""
        environ = create_environ("/api/flights", query_string=question, headers=GZIP)
        environ["gunicorn.socket"] = self._client
        said: list[str] = []
        began = perf_counter()
        for _ in self._app(environ, lambda status, _headers, *_: said.append(status)):
            pass
        if not said[0].startswith("200"):
            raise SystemExit(f"{question}: {said[0]}")
        return perf_counter() - began

    def other(self, question: str) -> str:
        """The same question with a number that no other has."""
        self._number += 1
        return question.format(self._number, patterns=PATTERNS)

    def close(self) -> None:
        """Look no more."""
        self._watch.kill()

    def _look(self) -> None:
        while True:
            began = perf_counter()
            gevent.sleep(0.001)
            self.stall_s = max(self.stall_s, perf_counter() - began - 0.001)


def serve_again(tree: Tree, asker: Asker, number: int) -> None:
    """Have the list encoded anew, as a snapshot does."""
    cache = tree.directory.address("cache")
    cache.tell(MarksChanged(Marks(frozenset([number]), frozenset(), frozenset())))
    # It is over when this is answered: the cache does one thing after the other.
    asker.ask("")


def main() -> None:
    """Measure, and print milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pilots", type=int, nargs="*", default=[2000, 10_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console = Console(file=sys.stdout, width=90)
    for pilots in options.pilots:
        shown = Table("question", "first", "each", "again", "stall", title=f"{pilots} pilots, ms")
        client, other_end = socket.socketpair()
        with client, other_end, service(pilots, options.seed) as (tree, _):
            app = app_of(tree)
            while not served(app):
                gevent.sleep(0.05)
            number = 0
            for name, question in QUESTIONS.items():
                asker, first, each, again = Asker(app, client), [], [], []
                for _ in range(options.rounds):
                    number += 1
                    serve_again(tree, asker, number)
                    asker.stall_s = 0.0
                    first.append(asker.ask(asker.other(question)))
                    asked = asker.other(question)
                    each.append(asker.ask(asked))
                    again.append(asker.ask(asked))
                asker.close()
                figures = (median(first), median(each), median(again), asker.stall_s)
                shown.add_row(name, *(f"{1000 * seconds:.1f}" for seconds in figures))
        console.print(shown)


if __name__ == "__main__":
    main()
