"""How a client of the stream comes back: when, and to which place."""

from __future__ import annotations

import json

import pytest

from vatwatch.client import NoAnswer, NotUnderstood, Present, ProblemReceived
from vatwatch.client.following import Following, Unreadable

STREAM = {"Content-Type": "text/event-stream"}


def message(kind: str, at: str, data: object) -> bytes:
    return f"id: {at}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()


SNAPSHOT = message("snapshot", "t/1", {"updated_at": "t", "flights": [{"flight_id": "1"}]})
DELTA = message("delta", "t/2", {"updated_at": "u", "previous": "t", "changed": [], "gone": ["1"]})
NOT_JSON = b"id: t/3\nevent: delta\ndata: {\n\n"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def following(
    keep: Present | None = None, give_up_after_s: float | None = None, clock: Clock | None = None
) -> Following:
    return Following("", keep, give_up_after_s, now=clock or Clock(), fraction=lambda: 1.0)


def test_a_client_goes_on_after_the_last_message_that_it_handed_on() -> None:
    one = following()
    assert "Last-Event-ID" not in one.headers()
    one.opened(STREAM)
    messages = one.take(SNAPSHOT + DELTA)
    next(messages)
    assert one.headers()["Last-Event-ID"] == "t/1"
    next(messages)
    assert one.headers()["Last-Event-ID"] == "t/2"
    list(one.take(b"id: t/9\n\n"))
    assert one.headers()["Last-Event-ID"] == "t/9"


def test_a_message_that_cannot_be_read_is_asked_for_again_and_then_a_snapshot_is() -> None:
    one = following()
    one.opened(STREAM)
    list(one.take(SNAPSHOT))
    for place in ("t/1", None):
        with pytest.raises(Unreadable):
            list(one.take(NOT_JSON))
        one.lost("unreadable")
        assert one.headers().get("Last-Event-ID") == place
        one.opened(STREAM)


@pytest.mark.parametrize("data", ["[]", "7", "{}", '{"changed": [{}], "gone": []}', "null"])
def test_a_message_that_is_not_of_its_kind_cannot_be_read(data: str) -> None:
    one = following(Present())
    one.opened(STREAM)
    with pytest.raises(Unreadable):
        list(one.take(f"event: delta\ndata: {data}\n\n".encode()))


def test_a_kind_of_a_later_version_may_be_anything() -> None:
    one = following(Present())
    one.opened(STREAM)
    content = b"id: t/4\nevent: weather\ndata: not json\n\nevent: weather\ndata: [1]\n\n"
    assert [each.data for each in one.take(content)] == [[1]]
    assert one.headers()["Last-Event-ID"] == "t/4"


def test_pauses_begin_with_what_the_service_wants_and_grow_to_a_minute() -> None:
    one = following()
    one.opened(STREAM)
    list(one.take(b"retry: 1000\n\n"))
    pauses = []
    for _ in range(8):
        one.lost("cut")
        pauses.append(one.pause_s())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    one.opened(STREAM)
    list(one.take(SNAPSHOT))
    one.lost("cut")
    assert one.pause_s() == 1


@pytest.mark.parametrize(("said", "pause_s"), [("20", 20), ("1", 3), ("86400", 300), ("what", 3)])
def test_a_refusal_that_passes_is_waited_for_with_a_bound(said: str, pause_s: float) -> None:
    one = following()
    one.refused(503, {"Retry-After": said}, b"")
    assert one.pause_s() == pause_s
    one.lost("cut")
    assert one.pause_s() == 6


@pytest.mark.parametrize("status", [400, 401, 403, 404, 406, 301])
def test_a_refusal_that_stays_is_raised(status: int) -> None:
    with pytest.raises(ProblemReceived) as raised:
        following().refused(status, {}, b"")
    assert raised.value.status == status


def test_what_is_no_stream_is_raised_at_first_and_waited_out_later() -> None:
    one = following()
    with pytest.raises(NotUnderstood):
        one.opened({"Content-Type": "text/html"})
    one.opened(STREAM)
    with pytest.raises(Unreadable):
        one.opened({})


def test_a_client_gives_up_when_it_was_told_nothing_for_so_long() -> None:
    clock = Clock()
    one = following(give_up_after_s=60, clock=clock)
    clock.now = 59
    one.lost("refused")
    one.opened(STREAM)
    list(one.take(b": heartbeat\n"))
    clock.now = 118
    one.lost("cut")
    clock.now = 119
    with pytest.raises(NoAnswer):
        one.lost("cut")


def test_records_are_replaced_and_not_changed_in_place() -> None:
    present = Present()
    one = following(present)
    one.opened(STREAM)
    list(one.take(SNAPSHOT))
    before = present.flights["1"]
    delta = {"updated_at": "u", "previous": "t", "gone": ["7"]}
    changed = [{"flight_id": "1", "altitude": 5}, {"session_id": "2", "callsign": "EDDF_TWR"},
               {"callsign": "EDDF_ATIS", "letter": "B"}]  # fmt: skip
    list(one.take(message("delta", "t/2", {**delta, "changed": changed})))
    assert before == {"flight_id": "1"}
    assert present.flights["1"]["altitude"] == 5
    assert (list(present.controllers), list(present.atis)) == (["2"], ["EDDF_ATIS"])
    list(one.take(DELTA))
    assert present.flights == {}
    list(one.take(message("status", "t/3", {"status": "healthy"})))
    assert present.status == {"status": "healthy"}
