"""`vatwatch doctor` and what is outside: Redis, the feeds, the clocks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import redis

from tests.actors.test_cache_and_bus import redis_at
from tests.cli.doctor_house import Doctor
from tests.feed_server import (
    DATA,
    STATUS,
    TRANSCEIVERS,
    Answer,
    Conversation,
    FeedServer,
    body,
    loop,
    reset,
    status,
)
from vatwatch.cli.examination.clocks import compare

# --- Redis ---------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "redis.sock"


def test_a_redis_as_it_should_be_has_neither_fault_nor_warning(tmp_path: Path, place: Path) -> None:
    with redis_at(place):
        doctor = Doctor(tmp_path, REDIS_URL=f"unix://{place}")
        keys = redis.Redis(unix_socket_path=str(place)).keys("*")
    assert keys == []
    assert not doctor.found("redis", "warning", "fault")
    answers, memory = doctor.found("redis", "ok")
    assert answers.text.startswith(f"Redis answers at {place}: version ")
    assert "has no bound" in memory.text
    assert "that of Redis agree" in doctor.one("clock").text


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_redis_that_deletes_keys_when_it_is_full_is_a_warning(
    policy: str, tmp_path: Path, place: Path
) -> None:
    with redis_at(place, "--maxmemory", "200mb", "--maxmemory-policy", policy):
        found = Doctor(tmp_path, REDIS_URL=f"unix://{place}").one("redis", "warning")
    assert f"maxmemory-policy {policy}" in found.text
    assert "noeviction" in found.advice


def test_a_bound_that_deletes_nothing_is_all_right_until_it_is_nearly_reached(
    tmp_path: Path, place: Path
) -> None:
    url, keeps = f"unix://{place}", ("--maxmemory-policy", "noeviction")
    with redis_at(place, "--maxmemory", "200mb", *keeps):
        assert not Doctor(tmp_path, REDIS_URL=url).found("redis", "warning", "fault")
    place.unlink(missing_ok=True)
    with redis_at(place, "--maxmemory", "4mb", *keeps):
        assert (
            "nearly full or small" in Doctor(tmp_path, REDIS_URL=url).one("redis", "warning").text
        )
    place.unlink(missing_ok=True)
    with redis_at(place, "--maxmemory", "1", *keeps):
        full = Doctor(tmp_path, REDIS_URL=url).one("redis", "fault")
    assert "is full" in full.text


def test_a_replica_takes_no_writes_and_is_a_fault(tmp_path: Path, place: Path) -> None:
    with redis_at(place, "--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "yes"):
        found = Doctor(tmp_path, REDIS_URL=f"unix://{place}").one("redis", "fault")
    assert "is a replica and takes no writes" in found.text


def test_a_user_who_may_not_write_is_a_fault(tmp_path: Path, place: Path) -> None:
    with redis_at(place):
        admin = redis.Redis(unix_socket_path=str(place))
        admin.execute_command("ACL", "SETUSER", "reader", "on", ">s3cret", "~*", "+@read", "+ping",
                              "+info")  # fmt: skip
        doctor = Doctor(tmp_path, REDIS_URL=f"unix://reader:s3cret@{place}")
    assert "does not allow this user" in doctor.one("redis", "fault").text
    assert "s3cret" not in doctor.printed


def test_a_wrong_password_and_no_server_are_faults(tmp_path: Path, place: Path) -> None:
    with redis_at(place, "--requirepass", "right"):
        doctor = Doctor(tmp_path, REDIS_URL=f"unix://:wr0ng-s3cret@{place}")
    assert "the password is missing or wrong" in doctor.one("redis", "fault").text
    assert "wr0ng-s3cret" not in doctor.printed
    gone = Doctor(tmp_path, REDIS_URL="redis://127.0.0.1:1/0").one("redis", "fault")
    assert "cannot be reached" in gone.text
    assert "the service runs" in gone.advice


# --- the feeds -----------------------------------------------------------------------------------


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


def of_now(feeds: FeedServer, ahead: timedelta = timedelta()) -> bytes:
    """The feed, as if it were of now."""
    then = feeds.published.counts.update_timestamp
    now = datetime.now(UTC) + ahead
    assert then.encode() in feeds.published.data.raw
    return feeds.published.data.raw.replace(then.encode(), now.isoformat().encode())


def ask(tmp_path: Path, feeds: FeedServer, **environment: str) -> Doctor:
    return Doctor(tmp_path, VATSIM_API_URL=feeds.url, **environment)


def test_a_feed_of_now_is_all_right_and_asked_once(tmp_path: Path, feeds: FeedServer) -> None:
    feeds.say(DATA, always=lambda c: c.json(of_now(feeds)))
    doctor = ask(tmp_path, feeds)
    data, radios = doctor.found("feed")
    assert (data.state, radios.state) == ("ok", "ok")
    assert feeds.url in data.text
    assert "its newest update is" in data.text
    assert feeds.requests == {DATA: 1, TRANSCEIVERS: 1}


@pytest.mark.parametrize(
    ("answer", "text", "advice"),
    [
        (body(b"<html>Please log in</html>", kind="text/html"), "is not a feed", "curl -i"),
        (status("503 Service Unavailable"), "HTTP 503", "network"),
        (status("200 OK"), "", "VATSIM_API_URL"),
        (body(b""), "no body", "network"),
        (body(b'{"general": {'), "", "VATSIM_API_URL"),
        (body(b'{"general": {"update_timestamp": "never"}}'), "", "VATSIM_API_URL"),
        (reset, "reset", "network"),
        (loop, "redirects more than", "network"),
    ],
    ids=["html", "503", "text", "empty", "cut", "no time", "reset", "loop"],
)
def test_what_is_no_feed_is_a_fault(
    answer: Answer, text: str, advice: str, tmp_path: Path, feeds: FeedServer
) -> None:
    feeds.say(DATA, always=answer)
    found = ask(tmp_path, feeds).one("feed", "fault")
    assert text in found.text
    assert advice in found.advice


def test_an_old_feed_is_a_warning_and_one_far_ahead_a_fault(
    tmp_path: Path, feeds: FeedServer
) -> None:
    old = ask(tmp_path, feeds).one("feed", "warning")
    assert "behind" in old.text
    assert "stands still" in old.advice
    feeds.say(DATA, always=lambda c: c.json(of_now(feeds, timedelta(minutes=20))))
    ahead = ask(tmp_path, feeds).one("feed", "fault")
    assert "about 20 min ahead of this machine's clock" in ahead.text
    assert "held back" in ahead.text


def test_radios_that_cannot_be_had_are_a_warning(tmp_path: Path, feeds: FeedServer) -> None:
    feeds.say(DATA, always=lambda c: c.json(of_now(feeds)))
    for answer in (status("404 Not Found"), body(b"{}"), body(b"<html>")):
        feeds.say(TRANSCEIVERS, always=answer)
        found = ask(tmp_path, feeds).one("feed", "warning")
        assert "transceivers feed cannot be used" in found.text


def test_the_list_of_addresses_is_asked_where_the_feed_is_not_set(
    tmp_path: Path, feeds: FeedServer
) -> None:
    listed = {"VATSIM_API_URL": "", "VATSIM_STATUS_URL": feeds.base + STATUS}
    feeds.say(DATA, always=lambda c: c.json(of_now(feeds)))
    assert not Doctor(tmp_path, **listed).found("feed", "warning", "fault")
    feeds.say(STATUS, always=body(b"<html>"))
    first, *_ = Doctor(tmp_path, **listed).found("feed", "warning")
    assert "The list of the feeds' addresses is unavailable" in first.text


# --- clocks --------------------------------------------------------------------------------------


def dated(feeds: FeedServer, ahead: timedelta, **headers: str) -> Answer:
    def answer(c: Conversation) -> None:
        date = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
        c.json(of_now(feeds), Date=date, **headers)

    return answer


def test_the_clock_is_compared_with_that_of_the_feeds_server(
    tmp_path: Path, feeds: FeedServer
) -> None:
    feeds.say(DATA, always=dated(feeds, timedelta()))
    assert "agree" in ask(tmp_path, feeds).one("clock", "ok").text
    feeds.say(DATA, always=dated(feeds, timedelta(minutes=-3)))
    behind = ask(tmp_path, feeds).one("clock", "warning")
    assert "feed's server is about 3 min behind this machine's" in behind.text
    assert "NTP" in behind.advice
    feeds.say(DATA, always=dated(feeds, timedelta(hours=2)))
    assert "ahead of this machine's" in ask(tmp_path, feeds).one("clock", "fault").text
    # A cache says since when it has kept the answer.
    feeds.say(DATA, always=dated(feeds, timedelta(minutes=-3), Age="180"))
    assert ask(tmp_path, feeds).one("clock").state == "ok"
    feeds.say(DATA, always=lambda c: c.json(of_now(feeds), Date="yesterday"))
    assert not ask(tmp_path, feeds).found("clock")


@pytest.mark.parametrize(
    ("ahead_s", "state"),
    [(0, "ok"), (10, "ok"), (-10, "ok"), (11, "warning"), (-300, "warning"), (301, "fault")],
)
def test_clocks_agree_within_ten_seconds_and_five_minutes_are_a_fault(
    ahead_s: float, state: str
) -> None:
    (found,) = compare("that of PostgreSQL", timedelta(seconds=ahead_s))
    assert found.state.value == state
