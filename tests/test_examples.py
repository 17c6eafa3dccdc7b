"""The programs in examples/ as somebody runs them, against a service with simulated traffic."""

from __future__ import annotations

import csv
import io
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.actors.harness import until
from tests.actors.own_network import NO_FREQUENCY, OwnNetwork, station
from tests.actors.receiver import Receiver, Said
from tests.feed_server import FeedServer
from tests.process import Process, started, until_served

EXAMPLES = Path(__file__).parents[1] / "examples"
PATIENCE_S = 110
# A position opens or closes within minutes; a test waits for some hours of them at most.
MOST_UPDATES = 90
Event = dict[str, Any]


@pytest.fixture(scope="module")
def feeds() -> Iterator[FeedServer]:
    with FeedServer(pilots=150, start=datetime.now(UTC) - timedelta(hours=8)) as feeds:
        yield feeds


@pytest.fixture
def network() -> Iterator[OwnNetwork]:
    with OwnNetwork() as network:
        yield network


@pytest.fixture
def own(home: Path, network: OwnNetwork) -> Iterator[Process]:
    """A service of a network that shows whom the test puts into it."""
    with started(
        home, home.parent / "log", VATSIM_API_URL=network.url, VATSIM_POLL_INTERVAL="0.2"
    ) as process:
        process.until_ready()
        yield process


@pytest.fixture(scope="module")
def service(shared_home: Path, feeds: FeedServer) -> Iterator[Process]:
    with started(
        shared_home,
        shared_home.parent / "log",
        VATSIM_API_URL=feeds.url,
        VATSIM_POLL_INTERVAL="0.2",
    ) as process:
        process.until_ready()
        yield process


def advance(service: Process, feeds: FeedServer) -> None:
    """Five minutes, in one snapshot, which is in the database then."""
    stored = service.get("/api/status")[1]["counts"]["snapshots_stored"]
    feeds.advance(20)
    until(lambda: service.get("/api/status")[1]["counts"]["snapshots_stored"] > stored)


def happened(service: Process, feeds: FeedServer, wanted: Any, *types: str) -> Event:
    """The first event that is wanted; the network goes on until there is one."""
    for _ in range(MOST_UPDATES):
        path = f"/api/events?limit=1000&type={','.join(types)}"
        for event in reversed(service.get(path)[1]["events"]):
            if wanted(event["payload"]):
                return event  # type: ignore[no-any-return]
        advance(service, feeds)
    raise AssertionError("it never happened")


@contextmanager
def example(name: str, *words: str, cwd: Path, service: Process) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *words],
        cwd=cwd,
        env={"VATWATCH_URL": service.base},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def shown(own: Process, network: OwnNetwork, *stations: dict[str, Any]) -> datetime:
    """The next update, which has these stations and is served."""
    network.controllers = [*stations]
    network.advance()
    return datetime.fromisoformat(until_served(own, network))


def test_the_bot_tells_what_opens_and_closes_also_while_it_was_not_running(
    network: OwnNetwork, own: Process, tmp_path: Path
) -> None:
    tower, unready = station("EDDF_TWR"), station("EDDM_APP", 2, frequency=NO_FREQUENCY)
    others = [station("EGLL_TWR", 3), station("EDDF_OBS", 4, facility=0)]

    show = partial(shown, own, network)
    with Receiver() as discord:
        words = ("ED*", "--place", "place", "--webhook", discord.url("/api/webhooks/1/token"))

        def posts() -> list[str]:
            return [json.loads(one.body)["content"] for one in discord.received]

        def until_noted_after(place: str) -> str:
            """The place that the bot has noted since, wholly."""
            file = tmp_path / "place"
            until(lambda: file.exists() and file.read_text() not in ("", place))
            return file.read_text()

        with example("bot.py", *words, cwd=tmp_path, service=own):
            place = until_noted_after("")
            show(*others)
            place = until_noted_after(place)  # of an observer, whom it does not tell of
            # It is refused once, and sent again.
            discord.next.append(Said("429 Too Many Requests", headers={"Retry-After": "0.1"}))
            show(tower, *others)
            until_noted_after(place)
            assert posts() == ["EDDF_TWR is open on 119.900."] * 2
        show(unready, *others)
        show({**unready, "frequency": "120.100"}, *others)
        with example("bot.py", *words, cwd=tmp_path, service=own):
            until(lambda: len(posts()) >= 4)
        assert sorted(posts()[2:]) == ["EDDF_TWR has closed.", "EDDM_APP is open on 120.100."]
        assert json.loads(discord.received[0].body)["allowed_mentions"] == {"parse": []}


def test_a_bot_that_ends_while_it_notes_its_place_has_the_one_before(
    network: OwnNetwork, own: Process, tmp_path: Path
) -> None:
    show, file = partial(shown, own, network), tmp_path / "place"
    words = ("ED*", "--place", "place")
    show(station("EDDM_TWR", 2))
    with example("bot.py", *words, cwd=tmp_path, service=own) as bot:
        until(lambda: file.exists() and file.read_text())
        # From here on no file of it holds more than a part of a place.
        resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (5, 5))
        place = file.read_text()
        show(station("EDDF_TWR"), station("EDDM_TWR", 2))
        _, complained = bot.communicate(timeout=PATIENCE_S)
        assert "File too large" in complained
    assert file.read_text() == place
    with example("bot.py", *words, cwd=tmp_path, service=own) as bot:
        assert bot.stdout is not None
        told = gevent.spawn(bot.stdout.readline)
        assert told.get(timeout=PATIENCE_S) == "EDDF_TWR is open on 119.900.\n"
        until(lambda: file.read_text() != place)


def test_the_bot_prints_without_a_webhook(
    service: Process, feeds: FeedServer, tmp_path: Path
) -> None:
    with example("bot.py", "*", cwd=tmp_path, service=service) as bot:
        assert bot.stdout is not None
        said = gevent.spawn(bot.stdout.readline)
        for _ in range(MOST_UPDATES):
            if said.ready():
                break
            advance(service, feeds)
        assert re.fullmatch(r"\w+ (is open on \d{3}[.]\d{3}|has closed)[.]\n", said.get(timeout=60))


def roster(tmp_path: Path, service: Process, *shifts: tuple[Any, ...]) -> list[dict[str, str]]:
    """What the program says of shifts: callsign, CID, from, to."""
    lines = [f"{c},{cid},{a.isoformat()},{b.isoformat()}" for c, cid, a, b, *_ in shifts]
    (tmp_path / "roster.csv").write_text("\n".join(["callsign,cid,from,to", *lines]))
    with example("roster.py", "roster.csv", cwd=tmp_path, service=service) as program:
        said, complained = program.communicate(timeout=PATIENCE_S)
    assert (program.returncode, complained) == (0, "")
    return list(csv.DictReader(io.StringIO(said)))


def been_there(
    service: Process, feeds: FeedServer, least: timedelta
) -> tuple[dict[str, Any], datetime]:
    """Who has controlled for so long, and when that was so; the network goes on until there is
    somebody."""
    for _ in range(MOST_UPDATES):
        updated = datetime.fromisoformat(service.get("/api/network")[1]["updated_at"])
        for one in service.get("/api/controllers?state=controlling")[1]["controllers"]:
            since = datetime.fromisoformat(one["logon_time"])
            if updated - since >= least and one["frequency_s"] >= least.total_seconds():
                return one, updated
        advance(service, feeds)
    raise AssertionError("nobody ever controls for so long")


def test_the_roster_says_who_was_there(service: Process, feeds: FeedServer, tmp_path: Path) -> None:
    def has_gone(who: dict[str, Any]) -> bool:
        online = service.get(f"/api/controllers?cid={who['cid']}")[1]["controllers"]
        return bool(who["facility"] and who["frequency_hz"] and not online)

    left = happened(service, feeds, has_gone, "CONTROLLER_LOGOFF")
    who, end = left["payload"], datetime.fromisoformat(left["time"])
    there, updated = been_there(service, feeds, timedelta(minutes=1))
    since = datetime.fromisoformat(who["logon_time"])
    shifts = [
        (who["callsign"], who["cid"], since, end, "present"),
        (who["callsign"], who["cid"], since, end + 9 * (end - since), "partly"),
        (who["callsign"], 1, since, end, "absent"),
        (there["callsign"], there["cid"], updated - timedelta(minutes=1), updated, "present"),
        (there["callsign"], there["cid"], datetime.now(UTC) + timedelta(1),
         datetime.now(UTC) + timedelta(2), "planned"),
    ]  # fmt: skip
    rows = roster(tmp_path, service, *shifts)
    assert [row["state"] for row in rows] == [state for *_, state in shifts]
    assert rows[0]["minutes"] == str(round((end - since).total_seconds() / 60))
    assert rows[2]["others"] == str(who["cid"])


def test_the_roster_counts_who_has_reconnected_from_his_first_connection_on(
    network: OwnNetwork, own: Process, tmp_path: Path
) -> None:
    show = partial(shown, own, network)
    first = station("EDDF_TWR")
    show(first)
    left = show(station("EDDM_TWR", 2))
    show({**first, "logon_time": left.isoformat()})
    (online,) = own.get("/api/controllers?callsign=EDDF_TWR")[1]["controllers"]
    assert datetime.fromisoformat(online["logon_time"]) == left
    begun = datetime.fromisoformat(first["logon_time"])
    for path in ("/api/events?type=CONTROLLER_LOGOFF", "/api/events?type=CONTROLLER_LOGON"):
        until(lambda path=path: own.get(path)[1]["events"])  # type: ignore[misc]
    (row,) = roster(tmp_path, own, ("EDDF_TWR", first["cid"], begun, left))
    assert row["state"] == "present"
