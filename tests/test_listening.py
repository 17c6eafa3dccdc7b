"""Where a service can listen, and what is said if it cannot."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from tests.ports import free_port
from vatwatch.errors import ConfigurationError
from vatwatch.listening import authority, bare, listen


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1:80"),
        ("0.0.0.0", "127.0.0.1:80"),
        ("::", "[::1]:80"),
        ("[::]", "[::1]:80"),
        ("::1", "[::1]:80"),
        ("[::1]", "[::1]:80"),
        ("fe80::1%eth0", "[fe80::1%25eth0]:80"),
        ("localhost", "localhost:80"),
        ("", "127.0.0.1:80"),
    ],
)
def test_an_address_as_it_stands_in_a_url_of_this_machine(host: str, shown: str) -> None:
    assert authority(host, 80) == shown


@pytest.mark.parametrize(
    ("host", "reached_at"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("::", "::1"),
        ("::", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
    ],
)
def test_what_listens_can_be_reached(host: str, reached_at: str) -> None:
    port = free_port()
    with closing(listen(host, port, what_else="")):
        socket.create_connection((reached_at, port), timeout=5).close()


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("no-such-host.invalid", "there is no such host"),
        ("not a host", "there is no such host"),
        ("x" * 300, "there is no such host"),
        ("192.0.2.1", "this machine does not have this address"),
        ("2001:db8::1", "this machine does not have this address"),
        ("fe80::1", "a link-local address needs its interface"),
    ],
)
def test_what_cannot_be_listened_on_is_said_with_its_cause(host: str, cause: str) -> None:
    with pytest.raises(ConfigurationError, match=cause) as refused:
        listen(host, free_port(), what_else="Stop it")
    assert "cannot listen on" in str(refused.value)
    assert "Stop it" not in str(refused.value), "nobody else is to blame"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_a_port_that_is_taken_is_said_to_be_with_what_to_do(host: str) -> None:
    port = free_port()
    with (
        closing(listen(host, port, what_else="")),
        pytest.raises(ConfigurationError, match=r"another process listens there\. Stop it") as told,
    ):
        listen(host, port, what_else="Stop it")
    shown = f"[{bare(host)}]:{port}" if ":" in host else f"{host}:{port}"
    assert shown in str(told.value)
