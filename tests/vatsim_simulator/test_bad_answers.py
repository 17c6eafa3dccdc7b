"""Each bad answer does what it says, over a real socket, to each feed that it touches."""

from __future__ import annotations

import gzip
import time

import pytest
import requests

from tests.vatsim_simulator.client import DATA, STATUS, TRANSCEIVERS, Client, head_and_body
from tests.vatsim_simulator.conftest import Start
from vatsim_simulator.odd_bodies import ODD_BODIES

PATHS = {"data": DATA, "transceivers": TRANSCEIVERS, "status": STATUS}
ONLY_IN_DATA = {
    "bad_escape", "control_character", "latin1_byte", "null_count", "null_section",
}  # fmt: skip
FEEDS = pytest.mark.parametrize("feed", PATHS)


@FEEDS
@pytest.mark.parametrize("code", [404, 500, 503, 599])
def test_status_is_an_http_error(client: Client, feed: str, code: int) -> None:
    client.fault(fault="status", code=code, feed=feed, **{"for": "1r"})
    answer = client.ask(PATHS[feed])
    assert answer.status == answer.json()["status"] == code
    assert client.ask(PATHS[feed]).status == 200


@FEEDS
def test_a_fault_of_one_feed_leaves_the_others(client: Client, feed: str) -> None:
    client.fault(fault="status", feed=feed, **{"for": "20s"})
    statuses = {name: client.ask(path).status for name, path in PATHS.items()}
    assert statuses == {name: 500 if name == feed else 200 for name in PATHS}


@FEEDS
def test_timeout_ends_the_connection_without_an_answer(client: Client, feed: str) -> None:
    client.fault(fault="timeout", seconds=0.2, feed=feed, **{"for": "1r"})
    began = time.monotonic()
    assert client.raw(PATHS[feed]) == (b"", None)
    assert time.monotonic() - began >= 0.2


@FEEDS
def test_drip_breaks_off_before_the_body_is_whole(client: Client, feed: str) -> None:
    whole = client.ask(PATHS[feed]).body
    client.fault(
        fault="drip", seconds=0.3, chunk_bytes=5, interval_s=0.05, feed=feed, **{"for": "1r"}
    )
    head, body = head_and_body(client.raw(PATHS[feed])[0])
    assert f"Content-Length: {len(whole)}".encode() in head
    assert 5 <= len(body) < len(whole)
    assert whole.startswith(body)


def test_a_short_body_can_drip_to_its_end(client: Client) -> None:
    whole = client.ask(STATUS).body
    client.fault(fault="drip", seconds=30, chunk_bytes=32, interval_s=0.001, **{"for": "1r"})
    assert client.ask(STATUS).body == whole


@FEEDS
def test_empty_is_200_and_no_body(client: Client, feed: str) -> None:
    client.fault(fault="empty", feed=feed, **{"for": "1r"})
    answer = client.ask(PATHS[feed], headers={"Accept-Encoding": "gzip"})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"
    assert "Content-Encoding" not in answer.headers


@FEEDS
def test_html_is_200_and_a_page(client: Client, feed: str) -> None:
    client.fault(fault="html", feed=feed, **{"for": "1r"})
    answer = client.ask(PATHS[feed], headers={"Accept-Encoding": "gzip"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html")
    assert answer.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("kind", ODD_BODIES)
@pytest.mark.parametrize("feed", ["data", "transceivers"])
def test_odd_is_a_whole_answer_that_differs_in_one_place(
    client: Client, feed: str, kind: str
) -> None:
    whole = client.ask(PATHS[feed]).body
    client.fault(fault="odd", kind=kind, feed=feed, **{"for": "1r"})
    odd = client.ask(PATHS[feed]).body
    # The radios' feed has no names, and no head.
    assert (odd != whole) == (feed == "data" or kind not in ONLY_IN_DATA)
    assert client.ask(PATHS[feed]).body == whole


@FEEDS
def test_truncated_is_a_sound_answer_with_part_of_the_body(client: Client, feed: str) -> None:
    whole = client.ask(PATHS[feed]).body
    client.fault(fault="truncated", share=0.25, feed=feed, **{"for": "2r"})
    assert client.ask(PATHS[feed]).body == whole[: len(whole) // 4]
    packed = client.ask(PATHS[feed], headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == whole[: len(whole) // 4]


@FEEDS
def test_redirect_loop_leads_to_itself(client: Client, feed: str) -> None:
    client.fault(fault="redirect_loop", feed=feed, **{"for": "20s"})
    answer = client.ask(PATHS[feed])
    assert (answer.status, answer.headers["Location"]) == (302, PATHS[feed])
    with pytest.raises(requests.TooManyRedirects):
        requests.get(f"http://127.0.0.1:{client.port}{PATHS[feed]}", timeout=30)


@FEEDS
@pytest.mark.parametrize("tells_length", [True, False])
def test_huge_is_the_body_and_white_space(client: Client, feed: str, tells_length: bool) -> None:
    whole = client.ask(PATHS[feed]).body
    client.fault(fault="huge", megabytes=3, tells_length=tells_length, feed=feed, **{"for": "1r"})
    answer = client.ask(PATHS[feed], headers={"Accept-Encoding": "gzip"})
    assert len(answer.body) == 3_000_000
    assert answer.body.rstrip() == whole
    assert ("Content-Length" in answer.headers) is tells_length


@FEEDS
def test_reset_breaks_the_connection_after_part_of_the_body(client: Client, feed: str) -> None:
    whole = client.ask(PATHS[feed]).body
    client.fault(fault="reset", share=0.5, feed=feed, **{"for": "1r"})
    received, error = client.raw(PATHS[feed])
    assert isinstance(error, ConnectionResetError)
    # A reset may overtake what was sent before it.
    assert len(head_and_body(received)[1]) <= len(whole) // 2


def test_a_connection_that_is_kept_serves_on_after_a_bad_answer(client: Client) -> None:
    with requests.Session() as session:
        url = f"http://127.0.0.1:{client.port}"
        whole = session.get(url + DATA, timeout=30).content
        for kind in ("status", "empty", "html", "truncated", "drip", "timeout", "reset"):
            seconds = {"seconds": 0.05} if kind in ("drip", "timeout") else {}
            client.fault(fault=kind, feed="data", **{"for": "1r"}, **seconds)
            try:
                assert session.get(url + DATA, timeout=30).content != whole, kind
            except requests.RequestException:
                assert kind in ("drip", "timeout", "reset")
            assert session.get(url + DATA, timeout=30).content == whole, kind


def test_the_control_answers_while_all_feeds_do_not(client: Client) -> None:
    client.fault(fault="status", **{"for": "30s"})
    assert client.ask(DATA).status == 500
    assert client.ask("/control").status == 200


def test_a_fault_from_the_command_line_is_there_from_the_first_request(start: Start) -> None:
    client = start("status:503,feed=data,for=1r")
    assert client.ask(DATA).status == 503
    assert client.ask(DATA).status == 200
