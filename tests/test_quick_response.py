"""Headers are checked as gunicorn checks them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http import wsgi
from hypothesis import given
from hypothesis import strategies as st

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
