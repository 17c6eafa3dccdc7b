"""Requests to servers of users: bounded, without redirects, and only to what was checked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.actors.receiver import Received, Receiver, Said
from vatwatch.actors.posting import Outgoing, post
from vatwatch.errors import WebhookBusy, WebhookRefused, WebhookUnavailable
from vatwatch.subscriptions.allowed import AllowedTargets

HERE = AllowedTargets(networks=("127.0.0.0/8",))
PATIENCE_S = 20.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def sent(url: str, allowed: AllowedTargets | None = HERE, timeout_s: float = PATIENCE_S) -> bytes:
    request = Outgoing("the target", url, b'{"a": 1}', {"X-Own": "1"})
    return post(request, timeout_s=timeout_s, allowed=allowed)


def test_what_is_sent_arrives_and_the_answer_is_given(receiver: Receiver) -> None:
    receiver.always = Said("200 OK", b"thanks")
    assert sent(receiver.url("/hook?x=1")) == b"thanks"
    (got,) = receiver.received
    assert isinstance(got, Received)
    assert (got.method, got.path, got.body) == ("POST", "/hook?x=1", b'{"a": 1}')
    assert (got.headers["x-own"], got.headers["host"]) == ("1", f"127.0.0.1:{receiver.port}")


def test_a_private_address_is_not_reached_unless_its_network_is_allowed(
    receiver: Receiver,
) -> None:
    for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0.0.0.0"):
        with pytest.raises(WebhookRefused, match="public address"):
            sent(receiver.url(host=host), AllowedTargets())
    assert receiver.received == []
    sent(receiver.url(host="localhost"))
    assert receiver.received[0].headers["host"] == f"localhost:{receiver.port}"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
        receiver.next.append(Said(status, headers={"Location": receiver.url("/secret")}))
        with pytest.raises(WebhookRefused, match=status[:3]):
            sent(receiver.url())
    assert {one.path for one in receiver.received} == {"/hook/token"}


def test_a_name_is_looked_up_once_and_the_connection_goes_where_that_led(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = socket.getaddrinfo

    def name_server(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "hooks.example.test":
            return real(host, port, *args, **kwargs)
        # Somewhere else at each question, as one does who rebinds a name.
        asked.append(host)
        return real(f"127.0.0.{len(asked)}", port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", name_server)
    sent(receiver.url(host="hooks.example.test"))
    assert asked == ["hooks.example.test"]
    assert receiver.received[0].headers["host"] == f"hooks.example.test:{receiver.port}"
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # it would look the name up again
    with pytest.raises(WebhookRefused):
        sent(receiver.url(host="hooks.example.test"), AllowedTargets(networks=("127.0.0.1/32",)))
    assert asked == ["hooks.example.test"] * 2


def test_a_name_that_leads_to_nothing_allowed_is_refused_and_one_that_leads_nowhere_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def name_server(host: str, _port: Any, *_args: Any, **_kwargs: Any) -> Any:
        if host == "nowhere.example.test":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        inside = ("10.0.0.1", 80), ("169.254.169.254", 80)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", where) for where in inside]

    monkeypatch.setattr(socket, "getaddrinfo", name_server)
    with pytest.raises(WebhookRefused, match="public address"):
        sent("http://inside.example.test/")
    with pytest.raises(WebhookUnavailable):
        sent("http://nowhere.example.test/")


@pytest.mark.parametrize(
    "said", [Said(hangs=True), Said("200 OK", drips=True)], ids=["hangs", "drips"]
)
def test_a_server_that_takes_too_long_is_given_up(receiver: Receiver, said: Said) -> None:
    receiver.always = said
    with pytest.raises(WebhookUnavailable, match=r"no answer within 0\.5 s"):
        sent(receiver.url(), timeout_s=0.5)


def test_an_answer_is_read_to_a_bound(receiver: Receiver) -> None:
    receiver.always = Said("200 OK", b"x" * 1_000_000)
    assert len(sent(receiver.url())) == 65_536


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("500 Oops", WebhookUnavailable),
        ("503 Away", WebhookUnavailable),
        ("408 Slow", WebhookUnavailable),
        ("429 Too Many", WebhookBusy),
        ("400 Bad", WebhookRefused),
        ("404 Gone", WebhookRefused),
    ],
)
def test_an_answer_says_whether_another_try_is_worth_it(
    receiver: Receiver, status: str, error: type[Exception]
) -> None:
    receiver.always = Said(status, headers={"Retry-After": "7"})
    with pytest.raises(error) as refused:
        sent(receiver.url())
    assert "token" not in str(refused.value)
    assert getattr(refused.value, "retry_after_s", 7.0) == 7.0


def test_an_address_of_the_operator_may_be_anywhere(receiver: Receiver) -> None:
    sent(receiver.url(), None)
    assert len(receiver.received) == 1
