"""A line of the access log: whole, short, and without anybody's secret or name."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.http.access_log import MOST_CHARS, AccessEntry
from vatwatch.redaction import hide

ANYTHING = st.text(st.characters(max_codepoint=255), max_size=2000)


def entry(**values: Any) -> AccessEntry:
    usual: dict[str, Any] = {
        "time": 1796050800.25,
        "client": "10.0.0.7",
        "method": "GET",
        "target": "/api/flights?departure=EDDF",
        "status": 200,
        "sent_bytes": 5123,
        "duration_s": 0.0012345,
        "user_agent": "curl/8.5.0",
        "request_id": "4f1c",
    }
    return AccessEntry(**{**usual, **values})


def test_a_line_for_people_has_everything() -> None:
    assert entry().line() == (
        b"2026-11-30T15:00:00.250Z 10.0.0.7 GET /api/flights?departure=EDDF 200 5123 bytes 1.2 ms "
        b'[request_id=4f1c] "curl/8.5.0"\n'
    )


def test_a_line_for_programs_has_everything() -> None:
    assert json.loads(entry().json()) == {
        "time": "2026-11-30T15:00:00.250Z",
        "client": "10.0.0.7",
        "method": "GET",
        "path": "/api/flights",
        "query": "departure=EDDF",
        "status": 200,
        "bytes": 5123,
        "duration_ms": 1.234,
        "request_id": "4f1c",
        "user_agent": "curl/8.5.0",
    }


@given(ANYTHING, ANYTHING, ANYTHING)
def test_whatever_a_client_sends_stays_on_one_bounded_line(
    target: str, user_agent: str, client: str
) -> None:
    hostile = entry(target=f"/{target}", user_agent=user_agent, client=client)
    line, as_json = hostile.line(), hostile.json()
    assert line.isascii()
    assert line.decode().rstrip("\n").isprintable()
    assert line.count(b"\n") == as_json.count(b"\n") == 1
    assert as_json.decode().rstrip("\n").isprintable()
    assert len(line) < 10 * MOST_CHARS
    assert set(json.loads(as_json)) >= {"time", "method", "path", "status", "request_id"}


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/x?key=abcdef", "/x?key=***"),
        ("/x?a=1&api_key=abcdef&b=2", "/x?a=1&api_key=***&b=2"),
        ("/x?API%5FKEY=abcdef", "/x?API%5FKEY=***"),
        ("/x?access_token=abcdef;b=2", "/x?access_token=***;b=2"),
        ("/x?Password=abcdef", "/x?Password=***"),
        ("/x?cid=1234567", "/x?cid=***"),
        ("/x?NAME=John+Doe", "/x?NAME=***"),
        ("http://user:abcdef@host/x?a=1", "http://***@host/x?a=1"),
        ("/x?callsign=BAW1&limit=5", "/x?callsign=BAW1&limit=5"),
        ("/x?key=", "/x?key="),
        ("/x?a b\xe9\r\n", "/x?a%20b%E9%0D%0A"),
    ],
)
def test_secrets_and_people_are_not_shown(target: str, shown: str) -> None:
    assert f" {shown} 200 ".encode() in entry(target=target).line()
    found = json.loads(entry(target=target).json())
    assert "?".join(filter(None, (found["path"], found.get("query")))) == shown


def test_known_secrets_are_shown_nowhere() -> None:
    asked = entry(target="/x/the-secret-key?a=the%2Dsecret%2Dkey", user_agent="me the-secret-key")
    asked.line()  # what was seen before the secret was known is not remembered
    hide(["the-secret-key"])
    for line in (asked.line(), asked.json()):
        assert b"the-secret-key" not in line
    long = entry(target="/" + "y" * (MOST_CHARS - 5) + "the-secret-key")
    assert b"the-s" not in long.line(), "it is cut after the secret was taken out"


def test_the_times_of_quick_and_slow_requests_differ() -> None:
    assert re.search(rb" 0\.1 ms ", entry(duration_s=0.000098).line())
    assert re.search(rb" 61000\.0 ms ", entry(duration_s=61).line())
