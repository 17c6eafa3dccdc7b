"""No log names a person: neither pilots nor controllers, by name or number, whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import until
from tests.feed_server import DATA, FeedServer, body
from tests.process import started

NAME = "Zebedee Quxworth"
CID = 1987654
"""Somebody whose every text says who it is."""

Feed = dict[str, Any]


def named(feed: Feed) -> Feed:
    """The feed, in which everybody is this one person (with other numbers, of the same digits)."""
    for kind in ("pilots", "controllers", "atis", "prefiles"):
        for number, record in enumerate(feed[kind]):
            record["name"] = f"{NAME} {number}"
            record["cid"] = CID * 1000 + number
    return feed


def odd(feed: Feed) -> Feed:
    """Records that cannot be read, of which somebody might tell with all that they hold."""
    pilots = feed["pilots"]
    pilots[0]["cid"] = f"{CID}, {NAME}"
    pilots[1]["latitude"] = NAME
    pilots[2]["name"] = {"first": NAME, "cid": CID}
    pilots[3]["callsign"] = None
    pilots[4]["flight_plan"] = [NAME]
    pilots[5]["logon_time"] = f"{NAME} {CID}"
    feed["controllers"][0]["rating"] = NAME
    feed["controllers"][1]["text_atis"] = {NAME: CID}
    pilots.append(dict(pilots[6]))  # the same again
    pilots.append(NAME)
    return feed


def cut(feed: Feed) -> bytes:
    """A body that ends within somebody."""
    whole = json.dumps(feed).encode()
    return whole[: whole.index(NAME.encode()) + len(NAME) + 20]


def later(feed: Feed, minutes: int) -> Feed:
    text = feed["general"]["update_timestamp"]
    feed["general"]["update_timestamp"] = f"{text[:14]}{int(text[14:16]) + minutes:02}{text[16:]}"
    return feed


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    with FeedServer() as feeds:
        yield feeds


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.parametrize("keep_names", ["on", "off"])
def test_no_log_names_anybody(
    tmp_path: Path, home: Path, feeds: FeedServer, log_format: str, keep_names: str
) -> None:
    said: list[Callable[[Feed], bytes]] = [
        lambda feed: json.dumps(named(feed)).encode(),
        lambda feed: json.dumps(odd(named(feed))).encode(),
        lambda feed: cut(named(feed)),
        lambda feed: json.dumps(named(later(feed, 40))).encode(),  # its clock is in doubt
        lambda feed: json.dumps({**named(feed), "pilots": [], "general": NAME}).encode(),
    ]
    with started(
        home,
        tmp_path / "said",
        VATSIM_API_URL=feeds.url,
        VATSIM_POLL_INTERVAL="0.2",
        VATWATCH_LOG_LEVEL="debug,urllib3=debug",
        VATWATCH_LOG_FORMAT=log_format,
        VATWATCH_KEEP_NAMES=keep_names,
    ) as process:
        process.until_ready()
        for say in said:
            feed = json.loads(feeds.advance().data.raw)
            feeds.say(DATA, always=body(say(feed)))
            polls = feeds.requests[DATA]
            until(lambda polls=polls: feeds.requests[DATA] > polls + 2)  # type: ignore[misc]
        assert process.get(f"/api/flights?cid={CID}")[0] == 200
        assert process.get(f"/api/network?cid={CID}")[0] == 400
        assert process.get(f"/api/events?name={NAME.replace(' ', '+')}")[0] == 400
    logs = [tmp_path / "said", *home.glob("*.log*"), home / "postgres" / "log"]
    assert len(logs) >= 4
    for log in logs:
        text = log.read_text(errors="replace")
        for mark in (NAME, "Zebedee", "Quxworth", str(CID)):
            assert mark not in text, f"{log}: {text[max(0, text.index(mark) - 300) :][:600]}"
    debug = {"console": " DEBUG ", "json": '"level":"debug"'}[log_format]
    assert debug in (tmp_path / "said").read_text()
