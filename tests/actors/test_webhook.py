"""The error of an unreachable webhook has the reason, and only the host of its address."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from gevent.server import StreamServer

from vatwatch.actors.webhook import Webhook, send
from vatwatch.errors import WebhookUnavailable
from vatwatch.monitoring.notifications import Notification

TOKEN = "Qx7Jmark"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOLD = Notification(
    id="1",
    event="firing",
    key="k",
    rule="r",
    subject="s",
    severity="warning",
    summary="s",
    reason="r",
    at=NOW,
    fired_at=NOW,
    source="vatwatch",
    version="0",
)


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    def handle(conn: socket.socket, _address: object) -> None:
        with conn:
            conn.recv(65536)
            conn.sendall(answer)

    server = StreamServer(("127.0.0.1", 0), handle)
    server.start()
    try:
        yield server.server_port
    finally:
        server.stop()


def said_of(url: str) -> str:
    with pytest.raises(WebhookUnavailable) as refused:
        send(Webhook.at(url, 1), TOLD, timeout_s=20)
    assert TOKEN not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    return str(refused.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"http://127.0.0.1:1/{TOKEN}", "connection refused"),
        (f"http://{TOKEN}@127.0.0.1:1/{TOKEN}?{TOKEN}", "connection refused"),
        (f"http://nowhere.invalid/{TOKEN}", "its name does not resolve"),
    ],
)
def test_an_address_without_a_server_says_why_in_the_words_of_the_system(
    url: str, why: str
) -> None:
    assert said_of(url).endswith(f": {why}")


@pytest.mark.parametrize(
    ("address", "answer", "why"),
    [
        ("http://127.0.0.1:{}/{}", b"SSH-2.0-OpenSSH\r\n", "the answer is not HTTP"),
        ("http://127.0.0.1:{}/{}", b"", "the answer is not HTTP"),
        ("https://127.0.0.1:{}/{}", b"HTTP/1.1 400 Bad Request\r\n\r\n", "no TLS connection"),
    ],
)
def test_an_unexpected_answer_is_reported_without_the_address(
    address: str, answer: bytes, why: str
) -> None:
    with answering(answer) as port:
        assert said_of(address.format(port, TOKEN)).endswith(f": {why}")
