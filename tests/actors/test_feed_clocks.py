"""Feeds with wrong clocks, in the real tree: nothing is lost, and collecting goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.actors.harness import Running, eventually, running, until
from tests.feed_server import DATA, FeedServer, body
from vatwatch.actors import fetcher as fetcher_module
from vatwatch.feed.times import parse_time
from vatwatch.messages.status import FetcherStatus, JournalStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.journal_entry import Header, encode
from vatwatch.supervision import ChildFailed

DAY, HOUR, YEARS = timedelta(days=1), timedelta(hours=1), timedelta(days=3653)


def stamped(raw: bytes, time: datetime | str) -> bytes:
    """The same feed with another time."""
    feed = json.loads(raw)
    text = time if isinstance(time, str) else time.isoformat().replace("+00:00", "Z")
    feed["general"]["update_timestamp"] = text
    return json.dumps(feed).encode()


class Servers:
    """A network whose data servers have clocks of their own. Each update is fetched by a poll."""

    def __init__(self, service: Running) -> None:
        self.service = service
        assert service.feeds is not None
        self.feeds = service.feeds
        self.shown: list[datetime] = []
        self._seen: set[str] = set()
        # As a feed of today: our own clock decides what is from the future.
        self.shift = datetime.now(UTC) - parse_time(self.feeds.published.counts.update_timestamp)

    def show(self, lead: timedelta = timedelta()) -> datetime:
        """The next update, by a clock that is so far ahead; when this returns it was judged."""
        publication = self.feeds.advance()
        time = parse_time(publication.counts.update_timestamp) + self.shift + lead
        time = time.replace(microsecond=time.microsecond // 10 * 10)
        self.feeds.say(DATA, always=body(stamped(publication.data.raw, time)))
        self.shown.append(time)
        before = self._judged()
        until(lambda: self._judged() > before, f"{time} is judged")
        return time

    def _judged(self) -> int:
        """Updates kept, wherever. A file that moves may be listed twice, or not at all."""
        files = (self.service.settings.general.home / "journal").rglob("*.vwj")
        self._seen |= {path.name.partition("-")[2] for path in files}
        return len(self._seen)


def status_of(service: Running) -> FetcherStatus:
    return service.status("fetcher", FetcherStatus)


def kept(service: Running, folder: str) -> int:
    return len(list((service.settings.general.home / "journal" / folder).rglob("*.vwj")))


@contextmanager
def fetching(tmp_path: Path, database_url: str) -> Iterator[tuple[Running, Servers]]:
    with FeedServer(pilots=10) as feeds:
        # Nothing is shown before the first update of a test is.
        feeds.say(DATA, always=body(b""))
        with running(tmp_path, database_url, feeds=feeds) as service:
            yield service, Servers(service)
            assert not [n for n in service.notices if isinstance(n, ChildFailed)]


def until_stored(service: Running, times: list[datetime]) -> None:
    until(lambda: set(times) <= set(service.sql.snapshots()), "all are stored")
    assert sorted(service.sql.snapshots()) == sorted(times)
    until(lambda: service.status("journal", JournalStatus).pending == 0)


def test_an_update_from_the_future_costs_itself_and_harms_no_row(
    tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url) as (service, servers):
        good = [servers.show(), servers.show()]
        servers.show(YEARS)
        until(lambda: status_of(service).held == 1)
        report = service.reports().services["fetcher"]
        assert report.health is Health.DEGRADED
        assert "10 years ahead" in report.reason
        until(lambda: service.http.simulate_get("/api/status").json["journal"]["held"] == 1)
        good += [servers.show(), servers.show()]
        until_stored(service, good)
        service.until_served(good[-1])
        until(lambda: (kept(service, "held"), kept(service, "quarantine")) == (0, 1))
        assert service.sql("SELECT count(*) FROM flights WHERE last_seen > now() + '1 day'") == [
            (0,)
        ]
        assert service.sql("SELECT max(last_seen) FROM flights") <= [(good[-1],)]
        until(lambda: status_of(service).held == 0)

        def both_are_told() -> None:
            told = service.http.simulate_get("/api/errors?service=fetcher").json["errors"]
            assert {"FeedClockDoubted"} == {one["error_type"] for one in told}
            assert {"hold", "drop"} == {one["operation"] for one in told}

        eventually(both_are_told)


@pytest.mark.parametrize(
    "lead", [DAY, -DAY, -HOUR, HOUR], ids=["a day on", "a day back", "an hour back", "an hour on"]
)
def test_a_clock_that_makes_a_step_is_followed_and_nothing_is_lost(
    lead: timedelta, tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url) as (service, servers):
        for _ in range(2):
            servers.show()
        for _ in range(5):
            servers.show(lead)
        until_stored(service, servers.shown)
        service.until_served(servers.shown[-1])
        # And it is set right again.
        for _ in range(5):
            servers.show()
        until_stored(service, servers.shown)
        service.until_served(servers.shown[-1])
        assert kept(service, "quarantine") == kept(service, "held") == 0


def test_with_two_servers_in_turn_only_the_updates_of_the_wrong_one_are_lost(
    tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url) as (service, servers):
        good = []
        for number in range(5):
            good.append(servers.show())
            servers.show(-HOUR if number % 2 else DAY)
        good.append(servers.show())
        until_stored(service, good)
        service.until_served(good[-1])
        assert kept(service, "quarantine") == 5


def test_a_recording_of_years_ago_is_followed_and_one_update_from_its_tomorrow_loses_nothing(
    tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url) as (service, servers):
        servers.shift = timedelta()
        for lead in [timedelta()] * 3 + [DAY] + [timedelta()] * 5:
            servers.show(lead)
        until_stored(service, servers.shown)
        service.until_served(servers.shown[-1])


@pytest.mark.parametrize("restart", ["the fetcher", "the journal", "everything"])
@pytest.mark.parametrize("goes_on", [True, False], ids=["and it goes on", "and it returns"])
def test_held_updates_outlive_a_restart(
    restart: str, goes_on: bool, tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url) as (service, servers):
        good = [servers.show(), servers.show()]
        odd = [servers.show(-HOUR), servers.show(-HOUR)]
        shift, shown = servers.shift, list(servers.shown)
        if restart != "everything":
            name = restart.split()[1]
            service.poison(name)
            until(lambda: service.node(name).restarts_total >= 1)
            service.notices.clear()
            finish(service, servers, good, odd, goes_on)
            service.notices.clear()
            return
    with fetching(tmp_path, database_url) as (service, servers):
        servers.feeds.advance(20)  # the world starts again, and its times must not come twice
        servers.shift, servers.shown = shift, shown
        finish(service, servers, good, odd, goes_on)


def finish(
    service: Running, servers: Servers, good: list[datetime], odd: list[datetime], goes_on: bool
) -> None:
    until(lambda: status_of(service).held == 2)
    assert kept(service, "held") == 2
    if goes_on:
        good = [*good, *odd, servers.show(-HOUR), servers.show(-HOUR)]
    else:
        good = [*good, servers.show()]
    until_stored(service, good)
    service.until_served(good[-1])
    assert kept(service, "held") == 0
    assert kept(service, "quarantine") == (0 if goes_on else 2)


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59.9999999Z", "2026-10-01\x0011:00:00Z", "tomorrow", "1999-01-01T00:00:00Z"],
)
def test_an_update_without_a_valid_time_is_quarantined_once(
    text: str, tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url) as (service, servers):
        good = [servers.show()]
        odd = stamped(servers.feeds.advance().data.raw, text)
        servers.feeds.say(DATA, always=body(odd))
        until(lambda: status_of(service).outcomes.get("rejected", 0) >= 2)
        assert status_of(service).last_outcome == "malformed"
        until(lambda: kept(service, "quarantine") == 1)
        good.append(servers.show())
        until_stored(service, good)
        assert kept(service, "quarantine") == 1
        told = until(
            lambda: service.http.simulate_get("/api/errors?service=fetcher").json["errors"]
        )
        assert "FeedTimeInvalid" in {one["error_type"] for one in told}


@pytest.mark.parametrize("name", ["peek", "parse_feed_time", "correlation_id"])
def test_a_body_that_wakes_a_bug_costs_itself(
    name: str, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = getattr(fetcher_module, name)
    with fetching(tmp_path, database_url) as (service, servers):
        good = [servers.show()]
        odd = servers.feeds.advance()

        def fail_at_it(value: object) -> object:
            if value in (odd.data.raw, odd.counts.update_timestamp):
                raise RecursionError("a bug")
            return work(value)

        monkeypatch.setattr(fetcher_module, name, fail_at_it)
        servers.feeds.say(DATA, always=body(odd.data.raw))
        until(lambda: status_of(service).outcomes.get("rejected", 0) >= 2)
        assert status_of(service).last_outcome == "malformed"
        until(lambda: kept(service, "quarantine") == 1)
        good.append(servers.show())
        until_stored(service, good)
        assert service.node("fetcher").failures == 0


@pytest.mark.parametrize("folder", ["pending", "archive", "held"])
@pytest.mark.parametrize("odd", [datetime.min, datetime.max], ids=["year 1", "year 9999"])
def test_a_file_with_an_impossible_time_does_not_stop_the_fetcher(
    odd: datetime, folder: str, tmp_path: Path, database_url: str
) -> None:
    journal = tmp_path / "home" / "journal"
    time = odd.replace(tzinfo=UTC)
    with FeedServer(pilots=10) as feeds:
        content = stamped(feeds.published.data.raw, time)
    entry = encode(Header(3, time, time, "test", transceivers=False), content, None)
    (journal / folder).mkdir(parents=True)
    (journal / folder / f"000000000003-{odd.year:04d}1231T235959Z.vwj").write_bytes(entry)
    with fetching(tmp_path, database_url) as (service, servers):
        shown = [servers.show() for _ in range(4)]
        until(lambda: set(shown) <= set(service.sql.snapshots()), "all are stored")
        service.until_served(shown[-1])
        until(lambda: service.status("journal", JournalStatus).pending == 0)


def test_an_older_copy_of_a_kept_update_is_not_held(tmp_path: Path, database_url: str) -> None:
    with fetching(tmp_path, database_url) as (service, servers):
        times = [servers.show() for _ in range(3)]
        newest = servers.feeds.published
        for time in times[:2]:
            before = status_of(service).outcomes.get("older", 0)
            servers.feeds.say(DATA, always=body(stamped(newest.data.raw, time)))
            until(lambda before=before: status_of(service).outcomes.get("older", 0) > before + 1)
        assert status_of(service).held == 0
        assert kept(service, "held") == kept(service, "quarantine") == 0
        times.append(servers.show())
        until_stored(service, times)


def test_a_feed_that_is_ten_times_as_fast_is_followed_without_a_pause(
    tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url) as (service, servers):
        for _ in range(40):
            servers.show()
        until_stored(service, servers.shown)
        assert status_of(service).outcomes["advanced"] >= 38
        assert kept(service, "quarantine") == 0
