"""Server-sent events are read as the standard has them, however they are cut into pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.client.sse import MessageTooLong, ServerSent, ServerSentParser

STREAM = (
    "\ufeffretry: 3127\n\n"
    ": a comment\n"
    "id: a/1\nevent: snapshot\ndata: {\"name\": \"Zürich ✈\"}\n\n"
    "event: delta\ndata: one\ndata:two\ndata:  three\n\n"
    "id: a/2\n\n"
    "unknown: field\nid: not\0taken\nretry: soon\ndata\n\n"
    "data: not whole"
)  # fmt: skip
MESSAGES = [
    ServerSent("message", None, ""),
    ServerSent("snapshot", '{"name": "Zürich ✈"}', "a/1"),
    ServerSent("delta", "one\ntwo\n three", "a/1"),
    ServerSent("message", None, "a/2"),
    ServerSent("message", "", "a/2"),
]


def read(content: bytes, *cuts: int) -> tuple[list[ServerSent], ServerSentParser]:
    parser = ServerSentParser()
    found = []
    places = [0, *sorted(cut % len(content) for cut in cuts), len(content)]
    for begin, end in pairwise(places):
        found += parser.feed(content[begin:end])
    return found, parser


@pytest.mark.parametrize("end_of_line", ["\n", "\r\n", "\r"])
@given(cuts=st.lists(st.integers(0, 10_000), max_size=30))
def test_a_stream_is_read_alike_however_it_comes(end_of_line: str, cuts: list[int]) -> None:
    content = STREAM.replace("\n", end_of_line).encode()
    found, parser = read(content, *cuts)
    assert found == MESSAGES
    assert parser.retry_ms == 3127


def test_each_byte_may_come_alone() -> None:
    content = STREAM.encode()
    assert read(content, *range(len(content)))[0] == MESSAGES


@given(content=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_whatever_comes_is_read_alike_and_never_an_error(content: bytes, cuts: list[int]) -> None:
    if content:
        assert read(content, *cuts)[0] == read(content)[0]


def test_the_place_of_the_connection_before_holds_until_there_is_another() -> None:
    parser = ServerSentParser("left/7")
    (message,) = parser.feed(b"data: x\n\n")
    assert message.last_id == "left/7"


@pytest.mark.parametrize("piece", [b"data: xxxxxxxxxx", b"data: xxxxxxxxxx\n"])
def test_what_does_not_end_is_not_kept_for_ever(piece: bytes) -> None:
    parser = ServerSentParser(most_characters=1000)

    def feed() -> None:
        for _ in range(200):
            list(parser.feed(piece))

    with pytest.raises(MessageTooLong):
        feed()
