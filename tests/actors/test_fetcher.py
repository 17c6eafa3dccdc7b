"""Every way in which the feed can be wrong: it has a name, is counted, and costs nothing else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.actors.harness import PATIENCE_S, Poison, Running, running, until
from tests.feed_server import (
    DATA,
    STATUS,
    TRANSCEIVERS,
    Answer,
    FeedServer,
    body,
    drip,
    loop,
    older_than,
    reset,
    status,
)
from vatwatch import __version__
from vatwatch.actors.feed_addresses import AddressBook
from vatwatch.actors.feed_client import FeedClient
from vatwatch.config.vatsim import VatsimSettings
from vatwatch.errors import JournalFull
from vatwatch.feed.times import parse_time
from vatwatch.messages.status import FetcherStatus, JournalStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.journal import Journal
from vatwatch.supervision import ChildFailed

# A connection that is given up while it is being made is left to the garbage collector by urllib3.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

HTML = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
HEAD = b'{"general": {"update_timestamp": "2024-11-22T12:10:00Z"}'
HUGE = HEAD + b', "pad": "%s"}' % (b"x" * 2_000_000)


@contextmanager
def fetching(
    tmp_path: Path, database_url: str, feeds: FeedServer, **environment: object
) -> Iterator[Running]:
    with feeds, running(tmp_path, database_url, feeds=feeds, **environment) as service:
        service.until_served(first_time(feeds))
        yield service
        assert not [n for n in service.notices if isinstance(n, ChildFailed)]


def first_time(feeds: FeedServer) -> datetime:

    return parse_time(feeds.published.counts.update_timestamp)


def fetcher(service: Running) -> FetcherStatus:
    return service.status("fetcher", FetcherStatus)


def counted(service: Running, outcome: str) -> int:
    return fetcher(service).outcomes.get(outcome, 0)


def until_counted(service: Running, outcome: str) -> None:
    before = counted(service, outcome)
    until(lambda: counted(service, outcome) > before, f"{outcome} is counted")


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [
        (body(b""), "empty"),
        (body(b" \r\n"), "empty"),
        (body(HTML, kind="text/html"), "not_json"),
        (body(HEAD + b', "pilots": [{"ci'), "truncated"),
        (body(b'{"general": {"version": 3}}'), "malformed"),
        (body(b'{"general": {"update_timestamp": "tomorrow"}}'), "malformed"),
        (body(b"[]"), "malformed"),
        (status("404 Not Found"), "http_status"),
        (status("503 Service Unavailable"), "http_status"),
        (body(b"{}", status="206 Partial Content"), "http_status"),
        (loop, "redirected"),
        (body(HUGE), "too_large"),
        (drip, "timeout"),
        (reset, "unreachable"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_counted_under_its_name_and_the_next_good_one_goes_through(
    wrong: Answer, outcome: str, tmp_path: Path, database_url: str
) -> None:
    settings = {"VATSIM_MAX_BODY_MB": 1, "VATSIM_API_TIMEOUT": 0.5}
    with fetching(tmp_path, database_url, FeedServer(pilots=15), **settings) as service:
        assert service.feeds is not None
        was = service.served()
        service.feeds.say(DATA, always=wrong)
        until_counted(service, outcome)
        said = service.reports().services["fetcher"]
        assert said.health is Health.UNHEALTHY
        assert "next try at" in said.reason
        assert service.served() == was
        service.feeds.say(DATA)
        service.until_next_is_through()
        until(lambda: not fetcher(service).last_error)
        assert counted(service, outcome) >= 1


def test_an_unchanged_feed_is_not_kept_twice(tmp_path: Path, database_url: str) -> None:
    with fetching(tmp_path, database_url, FeedServer(pilots=15)) as service:
        until_counted(service, "unchanged")
        until_counted(service, "unchanged")
        assert counted(service, "advanced") == 1
        until(lambda: service.status("journal", JournalStatus).archived == 1)
        assert service.status("journal", JournalStatus).pending == 0


def test_an_older_copy_after_a_newer_one_is_passed_over(tmp_path: Path, database_url: str) -> None:
    with fetching(tmp_path, database_url, FeedServer(pilots=15)) as service:
        assert service.feeds is not None
        older = service.feeds.published
        now = service.until_next_is_through()
        service.feeds.say(DATA, always=older_than(older))
        until_counted(service, "older")
        assert service.served() == now
        service.feeds.say(DATA)
        service.until_next_is_through()
        assert service.sql.snapshots() == sorted(service.sql.snapshots())
        assert counted(service, "advanced") == 3


def test_a_failed_request_is_tried_again_within_the_same_poll(
    tmp_path: Path, database_url: str
) -> None:
    settings = {"VATSIM_API_RETRY_ATTEMPTS": 3, "VATSIM_POLL_INTERVAL": 30}
    feeds = FeedServer(pilots=15)
    feeds.say(DATA, status("500 Internal Server Error"), reset, body(b""))
    with fetching(tmp_path, database_url, feeds, **settings) as service:
        assert fetcher(service).outcomes == {"advanced": 1}
        assert feeds.requests[DATA] == 4


def test_an_error_that_another_try_cannot_mend_is_not_retried(
    tmp_path: Path, database_url: str
) -> None:
    feeds = FeedServer(pilots=15)
    feeds.say(DATA, status("404 Not Found"))
    with (
        feeds,
        running(
            tmp_path,
            database_url,
            feeds=feeds,
            VATSIM_API_RETRY_ATTEMPTS=3,
            VATSIM_POLL_INTERVAL=60,
        ) as service,
    ):
        until(lambda: counted(service, "http_status") == 1)
        assert feeds.requests[DATA] == 1


def test_a_port_that_refuses_is_unreachable_and_the_service_says_when_it_tries_again(
    tmp_path: Path, database_url: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/vatsim-data.json"
        with (
            FeedServer() as feeds,
            running(tmp_path, database_url, feeds=feeds, VATSIM_API_URL=url) as service,
        ):
            until_counted(service, "unreachable")
            until_counted(service, "breaker_open")
            said = fetcher(service)
            assert not said.reachable
            assert said.next_poll_at is not None
            feed = service.http.simulate_get("/api/status").json["feed"]
            assert feed["reachable"] is False
            assert feed["next_poll_at"]
            ready = service.http.simulate_get("/readyz")
            assert ready.status_code == 503


def test_a_server_with_validators_is_asked_conditionally(tmp_path: Path, database_url: str) -> None:
    feeds = FeedServer(pilots=15, validators=True)
    with fetching(tmp_path, database_url, feeds) as service:
        for _ in range(3):
            until_counted(service, "unchanged")
        whole = feeds.requests[DATA] - feeds.not_modified[DATA]
        assert whole == 1
        service.until_next_is_through()


def test_transceivers_that_are_not_modified_are_those_known(
    tmp_path: Path, database_url: str
) -> None:
    feeds = FeedServer(pilots=15, validators=True)
    with fetching(tmp_path, database_url, feeds) as service:
        known = feeds.published.transceivers
        feeds.say(
            TRANSCEIVERS,
            always=lambda c: (
                c.answer("304 Not Modified")
                if "if-none-match" in c.headers
                else c.json(known.raw, ETag=f'"{known.digest}"')
            ),
        )
        service.until_next_is_through()
        clients = service.sql("SELECT radio_clients FROM snapshots ORDER BY update_timestamp")
        assert clients[0] == clients[1]
        assert clients[0][0]


def test_without_transceivers_the_snapshot_is_kept_and_the_lack_is_counted(
    tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url, FeedServer(pilots=15)) as service:
        assert service.feeds is not None
        service.feeds.say(TRANSCEIVERS, always=status("500 Internal Server Error"))
        before = service.http.simulate_get("/api/transceivers").json["count"]
        moment = service.until_next_is_through()
        assert counted(service, "no_transceivers") >= 1
        assert service.sql(
            "SELECT radio_clients FROM snapshots WHERE update_timestamp = %s", moment
        ) == [(None,)]
        # What is not known has not ended.
        assert service.http.simulate_get("/api/transceivers").json["count"] > before / 2 > 0


def test_a_frozen_feed_is_noticed_and_its_return_too(tmp_path: Path, database_url: str) -> None:
    with fetching(tmp_path, database_url, FeedServer(pilots=15)) as service:
        until(lambda: fetcher(service).frozen)
        assert "has not changed" in service.reason("fetcher")
        assert service.reports().health is Health.DEGRADED
        assert service.http.simulate_get("/api/status").json["feed"]["frozen"] is True

        def moves_again() -> bool:
            service.next_update()  # time and again: it would soon be frozen once more
            return not fetcher(service).frozen

        until(moves_again)


def test_transceivers_that_stand_still_while_the_feed_advances_are_noticed(
    tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url, FeedServer(pilots=15)) as service:
        assert service.feeds is not None
        service.feeds.say(TRANSCEIVERS, always=body(service.feeds.published.transceivers.raw))

        def advanced_with_the_same_radios() -> bool:
            service.next_update()
            frozen = fetcher(service).transceivers_frozen
            # On a busy machine the feed itself is soon said to stand still, and that counts more.
            return frozen and "transceivers" in service.reason("fetcher")

        until(advanced_with_the_same_radios)
        service.feeds.say(TRANSCEIVERS)

        def radios_move_again() -> bool:
            service.next_update()
            return not fetcher(service).transceivers_frozen

        until(radios_move_again)


def test_the_addresses_are_found_through_the_status_page(tmp_path: Path, database_url: str) -> None:
    feeds = FeedServer(pilots=15)
    with (
        feeds,
        running(
            tmp_path,
            database_url,
            feeds=feeds,
            VATSIM_API_URL=None,
            VATSIM_STATUS_URL=feeds.base + STATUS,
            VATSIM_POLL_INTERVAL=15,
        ) as service,
    ):
        service.until_served(first_time(feeds))
        assert feeds.requests[STATUS] == 1
        assert fetcher(service).source == feeds.url
        assert feeds.user_agents == {f"vatwatch/{__version__}"}


def test_a_restarted_fetcher_keeps_and_publishes_nothing_twice(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        moment = service.until_next_is_through()
        told = service.http.simulate_get("/api/events?limit=1000&type=FLIGHT_CREATED").json
        flights = service.http.simulate_get("/api/flights").content
        service.tree.directory.address("fetcher").tell(Poison())
        until(lambda: service.node("fetcher").restarts_total == 1)
        until_counted(service, "unchanged")
        assert service.status("journal", JournalStatus).archived == len(service.sql.snapshots())
        until(lambda: service.status("journal", JournalStatus).pending == 0)
        again = service.http.simulate_get("/api/events?limit=1000&type=FLIGHT_CREATED").json
        assert again == told
        assert service.http.simulate_get("/api/flights").content == flights
        assert service.sql.snapshots()[-1] == moment
        service.until_next_is_through()


def test_radios_that_drip_cost_the_snapshot_its_radios_and_are_reported(
    tmp_path: Path, database_url: str
) -> None:
    with fetching(tmp_path, database_url, FeedServer(pilots=15), VATSIM_API_TIMEOUT=60) as service:
        assert service.feeds is not None
        service.feeds.say(TRANSCEIVERS, always=drip)
        moments = [service.until_next_is_through() for _ in range(3)]
        rows = service.sql(
            "SELECT radio_clients FROM snapshots WHERE update_timestamp = ANY(%s)", moments[1:]
        )
        assert rows == [(None,)] * 2
        until(lambda: fetcher(service).transceivers_missing)
        assert "later than the main feed" in service.reports().parts["transceivers"].reason
        service.feeds.say(TRANSCEIVERS)

        def radios_are_back() -> bool:
            service.next_update()
            return not fetcher(service).transceivers_missing

        until(radios_are_back)
        assert service.reports().parts["transceivers"].health is Health.HEALTHY


@pytest.mark.parametrize(
    "page",
    [
        {"data": {"v3": ["http://a..b/v3.json"], "transceivers": ["http://127.0.0.1:1/t"]}},
        {"data": {"v3": "file:///etc/passwd", "transceivers": [7, None]}},
        {"data": []},
        [],
    ],
)
def test_a_status_page_that_names_no_usable_address_is_an_outcome_and_is_asked_again(
    page: object, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "vatwatch.actors.feed_addresses.DEFAULT_API_URL", "http://127.0.0.1:1/feed.json"
    )
    monkeypatch.setattr("vatwatch.actors.feed_addresses.STATUS_RETRY_S", 0.0)
    monkeypatch.setattr("vatwatch.config.vatsim.MIN_VATSIM_POLL_S", 0.0)  # nobody asks VATSIM
    feeds = FeedServer(pilots=15)
    feeds.say(STATUS, always=body(json.dumps(page).encode()))
    with (
        feeds,
        running(
            tmp_path,
            database_url,
            feeds=feeds,
            VATSIM_API_URL=None,
            VATSIM_STATUS_URL=feeds.base + STATUS,
            VATSIM_POLL_INTERVAL=0.2,
            VATSIM_API_RETRY_ATTEMPTS=1,
        ) as service,
    ):
        until_counted(service, "unreachable")
        assert "refused" in fetcher(service).last_error
        assert not [n for n in service.notices if isinstance(n, ChildFailed)]
        feeds.say(STATUS)  # it is set right
        service.until_served(first_time(feeds))


def test_a_failing_list_of_addresses_is_logged_once_and_not_during_an_outage_of_the_feed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vatwatch.actors.feed_addresses.STATUS_RETRY_S", -1.0)
    monkeypatch.setattr("vatwatch.actors.feed_addresses.STATUS_AGE_S", -1.0)
    caplog.set_level("INFO", logger="vatwatch")
    with FeedServer(pilots=1) as feeds:
        client = FeedClient(user_agent="test", timeout_s=PATIENCE_S, max_body_bytes=1_000_000)
        settings = VatsimSettings(VATSIM_STATUS_URL=feeds.base + STATUS)
        book = AddressBook(settings, client)
        feeds.say(STATUS, always=body(b"<html>"))
        for _ in range(3):
            book.find()
        (line,) = [record.getMessage() for record in caplog.records]
        assert line.startswith("The list of the feeds' addresses is unavailable: ")
        feeds.say(STATUS)
        book.find()
        assert (
            caplog.records[-1].getMessage() == "The list of the feeds' addresses can be read again."
        )
        caplog.clear()
        feeds.say(STATUS, always=body(b"<html>"))
        for _ in range(3):
            book.doubt()
            book.find()
        assert not caplog.records


def test_the_log_says_when_the_feed_goes_and_comes_and_when_snapshots_can_be_kept_again(
    tmp_path: Path,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("INFO", "vatwatch.actors.fetcher")

    def lines() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.name == "vatwatch.actors.fetcher"]

    with fetching(tmp_path, database_url, FeedServer(pilots=15)) as service:
        assert service.feeds is not None
        service.feeds.say(DATA, always=body(HTML, kind="text/html"))
        for _ in range(3):
            until_counted(service, "not_json")
        service.feeds.say(DATA)
        service.until_next_is_through()
        until(lambda: len(lines()) == 2)
        assert lines()[0].startswith("The VATSIM feed is unavailable: ")
        assert lines()[1].startswith("The VATSIM feed is available again: ")

        def full(*_: object, **__: object) -> None:
            raise JournalFull("no space left on the disk")

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "append", full)
            service.next_update()
            until_counted(service, "journal_full")
        service.until_next_is_through()
        until(lambda: len(lines()) == 4)
        assert lines()[2].startswith("Snapshots cannot be kept: no space left")
        assert lines()[3] == "Snapshots can be kept again."
