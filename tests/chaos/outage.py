"""PostgreSQL is away for minutes: the live API goes on, and everything is written on its return.

.venv/bin/python -m tests.chaos.outage --minutes 10
"""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import sys
import time
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from rich.console import Console

from tests.chaos.house import House, Scale, wait_until
from tests.chaos.ledger import Ledger
from tests.chaos.proof import Verdict, prove
from tests.chaos.run import is_whole
from vatsim_simulator.fir_cells import firs
from vatsim_simulator.sectors import sectors

LIVE = (
    "/api/status",
    "/api/flights",
    "/api/controllers",
    "/api/atis",
    "/api/prefiles",
    "/api/transceivers",
    "/api/network",
    "/api/airports",
    "/api/airports/EGLL",
    "/api/firs",
    "/api/approaches",
    f"/api/firs/{firs()[0].fir_id}",
    "/api/sectors",
    f"/api/sectors/{sectors()[0].name}",
    "/api/frequency-matches",
    "/api/events",
    "/api/events/dead-letters",
    "/api/errors",
    "/api/errors/analytics",
    "/api/errors/circuit-breakers",
    "/api/services",
    "/api/services/health",
    "/api/services/fetcher/health",
    "/api/cache/health",
    "/api/alerts",
    "/api/config",
    "/api/metrics/database",
    "/api/supervision/tree",
    "/metrics",
    "/healthz",
    "/readyz",
)
DATABASE = "/api/database/health"
STREAM = "/api/stream"
LOOK_S = 0.2
# VATSIM writes its feed this often.
UPDATE_S = 15.0


@dataclass(slots=True)
class Outage:
    """What was seen while it was away, and after."""

    minutes: float
    waiting: int = 0
    """Snapshots that the journal held when it came back."""
    answers: int = 0
    broken: list[str] = field(default_factory=list)
    """Answers of the live API that were no success."""
    looks: int = 0
    served: int = 0
    """Different live states that were seen at these looks."""
    said: list[tuple[str, str, int]] = field(default_factory=list)
    """What the health of the database said, whenever it was something else: status, reason, lag."""
    drained_s: float = 0.0
    per_second: float = 0.0
    """Snapshots that were written then."""
    in_order: bool = False
    verdict: Verdict | None = None

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        return (
            not self.broken
            and self.in_order
            and self.verdict is not None
            and self.verdict.holds
            and self.served > 1
            and {status for status, _, _ in self.said} >= {"unhealthy", "healthy"}
        )


def outage(directory: Path, *, minutes: float, scale: Scale) -> Outage:
    """Start everything, take PostgreSQL away, bring it back, and look at what is there."""
    house = House(directory, scale)
    ledger = Ledger(house.home, directory / "copies")
    seen = Outage(minutes)
    try:
        ledger.start()
        house.open()
        wait_until("the first snapshots", lambda: house.stored() > 1 and is_whole(house))
        house.kill_postgres()
        _watch(house, seen, minutes * 60 / scale.speed)
        seen.waiting = _pending(house)
        returned_at = time.time()
        house.start_postgres()
        wait_until("everything to be written", lambda: _is_well(house, seen) and is_whole(house))
        house.stop_service()
        ledger.stop()
        _judge(house, seen, returned_at)
        seen.verdict = prove(house, ledger)
    finally:
        house.close()
    return seen


def _watch(house: House, seen: Outage, seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    states: set[str] = set()
    while time.monotonic() < ends_at:
        _ask(house, seen)
        network = house.get("/api/network")
        seen.looks += 1
        states.add("" if network is None else network["updated_at"])
        time.sleep(LOOK_S)
    seen.served = len(states)


def _ask(house: House, seen: Outage) -> None:
    for path in LIVE:
        answer = requests.get(f"http://127.0.0.1:{house.port}{path}", timeout=10)
        seen.answers += 1
        if not answer.ok:
            seen.broken.append(f"{answer.status_code} {path}: {answer.text[:200]}")
    with requests.get(f"http://127.0.0.1:{house.port}{STREAM}", stream=True, timeout=10) as stream:
        seen.answers += 1
        first = next((line for line in stream.iter_lines() if line.startswith(b"event: ")), b"")
        if first != b"event: snapshot":
            seen.broken.append(f"{stream.status_code} {STREAM}: {first!r}")
    health = requests.get(f"http://127.0.0.1:{house.port}{DATABASE}", timeout=10).json()
    said = (health["status"], health["reason"], health["lag"]["pending"])
    if not seen.said or seen.said[-1] != said:
        seen.said.append(said)


def _is_well(house: House, seen: Outage) -> bool:
    """Whether the health of the database says so, too."""
    _ask(house, seen)
    return seen.said[-1][0] == "healthy"


def _pending(house: House) -> int:
    status = house.get("/api/status")
    return 0 if status is None else int(status["journal"]["pending"])


def _judge(house: House, seen: Outage, returned_at: float) -> None:
    rows = house.query(
        "SELECT extract(epoch FROM stored_at)::float8, update_timestamp FROM snapshots"
        " ORDER BY stored_at, update_timestamp"
    )
    updates = [update for _, update in rows]
    seen.in_order = updates == sorted(updates)
    written = [stored_at for stored_at, _ in rows if stored_at > returned_at][: seen.waiting]
    seen.drained_s = written[-1] - written[0]
    seen.per_second = (len(written) - 1) / seen.drained_s


def main() -> None:
    """Run, print, and say by the exit code whether the promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.outage", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of traffic")
    parser.add_argument("--pilots", type=int, default=1000)
    parser.add_argument("--speed", type=float, default=10.0, help="simulated time to real time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    scale = Scale(options.pilots, options.seed, options.speed)
    console = Console(highlight=False)
    with TemporaryDirectory(prefix="outage-") as directory:
        seen = outage(Path(directory), minutes=options.minutes, scale=scale)
    for status, group in groupby(seen.said, key=lambda said: said[0]):
        said = list(group)
        console.print(f"{status:10} {said[0][2]:3} to {said[-1][2]:3} wait: {said[-1][1]}")
    for answer in seen.broken:
        console.print(answer, style="red")
    console.print(
        f"{seen.answers} answers of the live API, {len(seen.broken)} of them errors; "
        f"{seen.served} live states seen while PostgreSQL was away"
    )
    console.print(
        f"{seen.waiting} snapshots waited in the journal, and were written in "
        f"{seen.drained_s:.1f} s, {'in order' if seen.in_order else 'NOT in order'}: "
        f"{seen.per_second * UPDATE_S:.0f} times as fast as VATSIM writes them"
    )
    console.print(str(seen.verdict))
    console.print("The promise was kept." if seen.holds else "The promise was NOT kept.")
    sys.exit(not seen.holds)


if __name__ == "__main__":
    main()
