"""Gets the feeds over HTTP. Every way in which that can go wrong has its own error."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import gevent
import msgspec
import requests

from vatwatch.errors import (
    FeedEmpty,
    FetchRedirected,
    FetchStatus,
    FetchTimeout,
    FetchTooLarge,
    FetchUnreachable,
)

CHUNK_BYTES = 64 * 1024
# A redirect or two is what a CDN does; more is a loop.
MAX_REDIRECTS = 5


class NotModified(Exception):
    """The server says that what we have is the newest."""


@dataclass(slots=True)
class _Validators:
    """What a server gave us to ask with (RFC 9110, section 13). VATSIM's origin gives none."""

    headers: dict[str, str] = field(default_factory=dict)

    def take(self, response: requests.Response) -> None:
        self.headers = {}
        if etag := response.headers.get("ETag"):
            self.headers["If-None-Match"] = etag
        if modified := response.headers.get("Last-Modified"):
            self.headers["If-Modified-Since"] = modified


class FeedClient:
    """One HTTP session for all feeds."""

    def __init__(self, *, user_agent: str, timeout_s: float, max_body_bytes: int) -> None:
        self._timeout_s = timeout_s
        self._max_body_bytes = max_body_bytes
        self._session = requests.Session()
        self._session.max_redirects = MAX_REDIRECTS
        self._session.headers.update(
            {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"}
        )
        self._validators: dict[str, _Validators] = {}

    def get(self, url: str) -> bytes:
        """The body at `url`, decompressed, within the timeout as a whole.

        Raises:
            NotModified: the server says so
            FetchTimeout, FetchStatus, FetchTooLarge, FetchRedirected, FetchUnreachable: what
                went wrong
            FeedEmpty: there is no body
        """
        # The library's own timeout is for each read: a byte a second would never end.
        late = FetchTimeout(f"no whole answer from {url} within {self._timeout_s:g} s")
        with gevent.Timeout(self._timeout_s, late):
            return self._get(url)

    def forget_validators(self, url: str | None = None) -> None:
        """Ask for whole bodies again (of `url`, or of all): the last ones were not kept."""
        if url is None:
            self._validators.clear()
        else:
            self._validators.pop(url, None)

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _get(self, url: str) -> bytes:
        validators = self._validators.setdefault(url, _Validators())
        try:
            with self._session.get(
                url, headers=validators.headers, stream=True, timeout=self._timeout_s
            ) as response:
                if response.status_code == requests.codes.not_modified:
                    raise NotModified
                if response.status_code != requests.codes.ok:
                    raise FetchStatus(response.status_code, url)
                body = self._read(response, url)
                validators.take(response)
        except requests.Timeout as error:
            raise FetchTimeout(f"no answer from {url} within {self._timeout_s:g} s") from error
        except requests.TooManyRedirects as error:
            raise FetchRedirected(f"{url} redirects more than {MAX_REDIRECTS} times") from error
        except requests.RequestException as error:
            raise FetchUnreachable(f"{url}: {_why(error)}") from error
        if not body.strip():
            raise FeedEmpty(f"{url} answers 200 with no body")
        return body

    def _read(self, response: requests.Response, url: str) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(CHUNK_BYTES):
            size += len(chunk)
            if size > self._max_body_bytes:
                raise FetchTooLarge(f"{url} sends more than {self._max_body_bytes:,} bytes")
            chunks.append(chunk)
        return b"".join(chunks)


def _why(error: requests.RequestException) -> str:
    """The innermost reason in few words: requests wraps it three times."""
    reason: BaseException = error
    while inner := (getattr(reason, "reason", None) or (reason.args[0] if reason.args else None)):
        if not isinstance(inner, BaseException):
            break
        reason = inner
    # What stands before it is the connection's representation, not the reason.
    return str(reason).rpartition("): ")[2].rpartition(">: ")[2] or type(error).__name__


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the feeds are."""

    data: str
    transceivers: str


class _Lists(msgspec.Struct):
    v3: list[str] = []
    transceivers: list[str] = []


class _Status(msgspec.Struct):
    data: _Lists


def addresses_from_status(body: bytes) -> tuple[list[str], list[str]]:
    """The addresses of both feeds in a `status.json`. Raises msgspec.MsgspecError."""
    lists = msgspec.json.decode(body, type=_Status).data
    return lists.v3, lists.transceivers


def choose(addresses: list[str], default: str) -> str:
    """One of the listed ones at random, as VATSIM asks for."""
    return random.choice(addresses) if addresses else default  # noqa: S311 - no secret


def fetch_both(
    client: FeedClient, where: Addresses
) -> tuple[bytes | Exception, bytes | Exception | None]:
    """Both feeds at once, each its body or what went wrong; no second one without the first."""

    def attempt(url: str) -> Any:
        try:
            return client.get(url)
        except Exception as error:  # noqa: BLE001 - handed to who asked
            return error

    second = gevent.spawn(attempt, where.transceivers)
    first = attempt(where.data)
    if isinstance(first, Exception):
        second.kill()
        client.forget_validators(where.transceivers)  # its answer may have come, and is lost
        return first, None
    second.join()
    return first, second.value
