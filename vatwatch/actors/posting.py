"""Posting: one request to somebody else's server, with a time limit and no redirects.

With `AllowedTargets` its name is looked up once, and the connection goes to an address that was
checked: another answer to a second look-up leads nowhere (DNS rebinding). Proxies of the
environment are not used then, since they would look the name up themselves.
"""

from __future__ import annotations

import http.client
import math
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import gevent
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from vatwatch import __version__
from vatwatch.errors import WebhookBusy, WebhookRefused, WebhookUnavailable
from vatwatch.subscriptions.allowed import NOT_PUBLIC, AllowedTargets
from vatwatch.supervision.failures import system_words

# Status codes that are worth another try: the server says so, or is overloaded.
LATER = frozenset({408, 425})
TOO_MANY = 429
# What is read of an answer; Discord's are some kilobytes.
MOST_BYTES = 65_536
PORTS = {"http": 80, "https": 443}

# What requests and its libraries raise for a bad server, name or address. A RequestException is an
# OSError; errors of codecs and parsers are ValueErrors.
UNSENT = (OSError, ValueError, urllib3.exceptions.HTTPError, http.client.HTTPException)


class Outgoing(NamedTuple):
    """A request. `name` is what errors call its receiver, whose address may be a secret."""

    name: str
    url: str
    body: bytes
    headers: Mapping[str, str] = {}
    method: str = "POST"


def post(request: Outgoing, *, timeout_s: float, allowed: AllowedTargets | None = None) -> bytes:
    """Send it once. Returns the first 64 KiB of the answer.

    Args:
        request: what to send, and where
        timeout_s: for all of it, the look-up of the name and the answer included
        allowed: where it may go; None: the operator has set the address, so everywhere

    Raises:
        WebhookRefused: it will never be accepted, or its address is not allowed
        WebhookBusy: the server asks us to send less often (429)
        WebhookUnavailable: no answer in time, or not now
    """
    # The library's own timeout is for each read: with a byte a second it would never end. And it
    # closes a connecting socket only for an OSError.
    timer = gevent.Timeout(timeout_s, TimeoutError())
    timer.start()
    try:
        code, retry_after, body = _send(request, timeout_s, allowed)
    except UNSENT as error:
        # Its text contains the whole address, and so does its cause's.
        why = system_words(error) or type(error).__name__
        if not timer.pending:
            why = f"no answer within {timeout_s:g} s"
        raise WebhookUnavailable(f"{request.name}: {why}") from None
    finally:
        timer.close()
    if 200 <= code < 300:
        return body
    if code == TOO_MANY:
        raise WebhookBusy(f"{request.name}: HTTP {code}", _seconds(retry_after))
    if code in LATER or code >= 500:
        raise WebhookUnavailable(f"{request.name}: HTTP {code}", _seconds(retry_after))
    raise WebhookRefused(f"{request.name}: HTTP {code}")


def _send(
    request: Outgoing, timeout_s: float, allowed: AllowedTargets | None
) -> tuple[int, str, bytes]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"vatwatch/{__version__}",
        **request.headers,
    }
    # The session must outlive the answer: closed earlier, it would leave the socket open.
    with requests.Session() as session:
        url = request.url
        if allowed is not None:
            session.trust_env = False
            url, headers["Host"] = _pin(session, request, allowed)
        with session.request(
            request.method,
            url,
            data=request.body,
            headers=headers,
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
        ) as response:
            body: bytes = response.raw.read(MOST_BYTES, decode_content=False)
            return response.status_code, response.headers.get("Retry-After", ""), body


class _PinnedAdapter(HTTPAdapter):
    """Connects to an IP address and expects the certificate of a name."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Adds the name; of http the manager leaves it out again."""
        super().init_poolmanager(
            *args, **kwargs, server_hostname=self._host, assert_hostname=self._host
        )


def _pin(session: requests.Session, request: Outgoing, allowed: AllowedTargets) -> tuple[str, str]:
    """The address with an IP in the place of the name, and the header Host.

    Raises:
        WebhookRefused: nothing of where the name leads to is allowed
        OSError: it leads nowhere
    """
    fault = allowed.fault_of(request.url)
    if fault is not None:
        raise WebhookRefused(f"{request.name}: its address {fault}")
    parts = urlsplit(request.url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or PORTS[parts.scheme]
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        # The zone of a link-local address is no part of it.
        ip = ip_address(str(address[0]).partition("%")[0])
        if allowed.may_reach(ip):
            break
    else:
        raise WebhookRefused(f"{request.name}: its address {NOT_PUBLIC}")
    session.mount("https://", _PinnedAdapter(host))
    shown = f"[{host}]" if ":" in host else host
    default = port == PORTS[parts.scheme]
    literal = f"[{ip}]" if ip.version == 6 else str(ip)
    url = urlunsplit((parts.scheme, f"{literal}:{port}", parts.path, parts.query, ""))
    return url, shown if default else f"{shown}:{port}"


def _seconds(retry_after: str) -> float | None:
    """A date is allowed too (RFC 9110, 10.2.3); nobody sends one here."""
    try:
        seconds = float(retry_after)
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
