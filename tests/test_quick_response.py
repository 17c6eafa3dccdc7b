"""Headers are checked as gunicorn checks them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http import wsgi
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.server import quick_response
from vatwatch.server.quick_response import QuickResponse

NAMES = st.sampled_from(
    ["ETag", "content-length", "Content-Length", "Connection", "Upgrade", "Keep-Alive", "TE",
     "Transfer-Encoding", "Vary", "X-Request-ID", "Bad Name", "", "É", "a:b", "Set-Cookie"]
) | st.text(max_size=5)  # fmt: skip
VALUES = st.sampled_from(
    [
        "",
        " x ",
        "\tx",
        "close",
        "upgrade",
        "websocket",
        "12",
        "٣",
        " 12",
        "+1",
        "a\r\nb",
        "a\0b",
        "é",
        "\u20ac",
    ]
) | st.text(max_size=5)


def outcome(kind: type[Any], headers: list[tuple[Any, Any]]) -> object:
    request = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: False)
    response = kind(request, None, SimpleNamespace())
    try:
        response.process_headers(headers)
    except Exception as error:
        return type(error), str(error), response.headers
    return response.headers, response.response_length, response.upgrade


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_headers_come_out_as_from_gunicorn(headers: list[tuple[str, str]]) -> None:
    assert outcome(QuickResponse, headers) == outcome(wsgi.Response, headers)


@pytest.mark.parametrize(
    "header", [(1, "x"), ("ETag", 1), ("ETag", b"x"), (b"ETag", "x"), ("content-length", 12)]
)
def test_what_is_no_text_is_refused_as_by_gunicorn(header: tuple[Any, Any]) -> None:
    assert outcome(QuickResponse, [header]) == outcome(wsgi.Response, [header])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["200 OK", "404 Not Found"]),
            st.sampled_from([(1, 0), (1, 1)]),
            st.booleans(),  # whether the connection is closed
            st.booleans(),  # whether it is upgraded
            st.booleans(),  # whether the length is known
            st.integers(1_800_000_000, 1_800_000_003),
        )
    )
)
def test_the_first_lines_are_gunicorns_at_each_second(answers: list[tuple[Any, ...]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for status, version, closes, upgraded, chunked, second in answers:
            patch.setattr(quick_response, "time", lambda second=second: second + 0.9)
            patch.setattr("gunicorn.util.time.time", lambda second=second: second + 0.9)
            lines = []
            for kind in (QuickResponse, wsgi.Response):
                request = SimpleNamespace(method="GET", version=version, should_close=lambda: False)
                response: Any = kind(request, None, SimpleNamespace(is_ssl=False))  # type: ignore[arg-type]
                response.status, response.upgrade, response.chunked = status, upgraded, chunked
                response.must_close, response.response_length = closes, 1
                lines.append(response.default_headers())
            assert lines[0] == lines[1]
            lines[0].append("of this answer alone")


def test_what_is_remembered_of_headers_is_bounded() -> None:
    for number in range(2 * quick_response.REMEMBERED):
        header = [("ETag", f'"{number}"')]
        assert outcome(QuickResponse, header) == outcome(wsgi.Response, header)
        assert len(quick_response._sent_as_they_are) <= quick_response.REMEMBERED
    assert quick_response._sent_as_they_are
