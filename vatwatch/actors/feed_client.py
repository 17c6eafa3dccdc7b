"""Gets the feeds over HTTP. Every way in which that can go wrong has its own error.

Four libraries take part (requests, urllib3, http.client, the codecs), and each has its own errors
for bad servers and bad addresses. This module turns them all into `FetchError`s: a failed request
is an outcome, never a crash. For the same reason it follows redirects and decompresses bodies
itself, within bounds.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import gevent
import requests
import urllib3.exceptions

from vatwatch.errors import (
    FeedEmpty,
    FetchRedirected,
    FetchStatus,
    FetchTimeout,
    FetchTooLarge,
    FetchUndecodable,
    FetchUnreachable,
)
from vatwatch.redaction import shown_address

CHUNK_BYTES = 64 * 1024
# Bytes that are decompressed before other greenlets get a turn: a few milliseconds' worth.
SLICE_BYTES = 512 * 1024
# A redirect or two is what a CDN does; more is a loop.
MAX_REDIRECTS = 5
# Compressed once is what we ask for; twice is what a misconfigured proxy makes of it.
MAX_GZIP_LAYERS = 2
GZIP_MAGIC = b"\x1f\x8b"
ADDRESS_CHARS = 200

REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
# What the libraries raise for a timeout, and for any other fault of a server, a name, an address or
# a body. Errors of addresses and codecs are ValueErrors (UnicodeError, InvalidURL,
# LocationParseError).
LATE = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
UNANSWERED = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    LookupError,
    EOFError,
)


# urllib3 warns of each odd header with a traceback. Our errors say what matters.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class NotModified(Exception):
    """The server says that we have the newest body."""


class _Session(requests.Session):
    """A session that leaves redirects to us: requests would read each body without a bound."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: there is nothing to follow."""
        del resp
        return None


@dataclass(slots=True)
class _Validators:
    """The validators of the last answer, for conditional requests (RFC 9110, section 13). VATSIM's
    origin sends none."""

    headers: dict[str, str] = field(default_factory=dict)

    def take(self, response: requests.Response) -> None:
        self.headers = {}
        if etag := response.headers.get("ETag"):
            self.headers["If-None-Match"] = etag
        if modified := response.headers.get("Last-Modified"):
            self.headers["If-Modified-Since"] = modified


class FeedClient:
    """One HTTP session for all feeds."""

    def __init__(
        self,
        *,
        user_agent: str,
        timeout_s: float,
        max_body_bytes: int,
        may_ask: Callable[[str], bool] = lambda _: True,
        accept: str = "application/json",
    ) -> None:
        """`may_ask(url)` says whether a redirect to this address may be followed."""
        self._session = _Session()
        self._session.headers.update({"Accept": accept, "Accept-Encoding": "gzip"})
        self._validators: dict[str, _Validators] = {}
        self.answered_at: datetime | None = None
        """The time of the last whole answer by the server's clock; None if it did not say."""
        self.change(
            user_agent=user_agent,
            timeout_s=timeout_s,
            max_body_bytes=max_body_bytes,
            may_ask=may_ask,
        )

    def change(
        self,
        *,
        user_agent: str,
        timeout_s: float,
        max_body_bytes: int,
        may_ask: Callable[[str], bool],
    ) -> None:
        """Use these arguments from the next request on; see `__init__`."""
        self._timeout_s = timeout_s
        self._max_body_bytes = max_body_bytes
        self._may_ask = may_ask
        self._session.headers["User-Agent"] = user_agent

    def get(self, url: str) -> bytes:
        """The body at `url`, decompressed, within the timeout as a whole.

        Raises:
            NotModified: the server says so
            FetchError: it went wrong; each of its classes says how
            FeedEmpty: there is no body
        """
        # The library's own timeout is for each read: a byte a second would never end.
        late = FetchTimeout(f"no whole answer from {shown(url)} within {self._timeout_s:g} s")
        with gevent.Timeout(self._timeout_s, late):
            return self._get(url)

    def forget_validators(self, url: str | None = None) -> None:
        """Ask for whole bodies again (of `url`, or of all), because the last ones were not kept."""
        if url is None:
            self._validators.clear()
        else:
            self._validators.pop(url, None)

    def validators(self, url: str) -> dict[str, str]:
        """The headers that ask whether the body that came last has changed; none without one."""
        known = self._validators.get(url)
        return {} if known is None else dict(known.headers)

    def remember(self, url: str, validators: dict[str, str]) -> None:
        """Ask with these headers, which were kept from an earlier process."""
        self._validators[url] = _Validators(dict(validators))

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _get(self, url: str) -> bytes:
        try:
            body = self._follow(url)
        except LATE:
            # Both are raised without their cause, whose text has the whole address in it.
            late = f"no answer from {shown(url)} within {self._timeout_s:g} s"
            raise FetchTimeout(late) from None
        except UNANSWERED as error:
            raise FetchUnreachable(f"{shown(url)}: {why(error)}") from None
        if not body.strip():
            raise FeedEmpty(f"{shown(url)} answers 200 with no body")
        return body

    def _follow(self, url: str) -> bytes:
        """The body, wherever it has moved to."""
        validators = self._validators.setdefault(url, _Validators())
        place = url
        for _ in range(MAX_REDIRECTS + 1):
            if (wrong := fault_of(place)) is not None:
                raise FetchUnreachable(f"{shown(place)}: {wrong}")
            with self._session.get(
                place, headers=validators.headers, stream=True, timeout=self._timeout_s
            ) as response:
                if response.status_code in REDIRECTS and "Location" in response.headers:
                    place = self._target(url, place, response.headers["Location"])
                    continue
                if response.status_code == HTTPStatus.NOT_MODIFIED:
                    raise NotModified
                if response.status_code != HTTPStatus.OK:
                    raise FetchStatus(response.status_code, shown(place))
                body = self._read(response, url)
                validators.take(response)
                self.answered_at = _time_of(response)
                return body
        raise FetchRedirected(f"{shown(url)} redirects more than {MAX_REDIRECTS} times")

    def _target(self, url: str, place: str, location: str) -> str:
        """The address that a redirect leads to."""
        # requests decodes headers as Latin-1, but a non-ASCII address is sent as UTF-8.
        location = location.encode("latin-1", "replace").decode(errors="replace")
        try:
            target = urljoin(place, location)
        except ValueError:
            target = ""
        if not target or (wrong := fault_of(target)) is not None:
            wrong = wrong if target else "not an address"
            raise FetchRedirected(f"{shown(url)} redirects to {shown(target or location)}: {wrong}")
        if not self._may_ask(target):
            raise FetchRedirected(
                f"{shown(url)} redirects to {shown(target)}, which may not be asked so often"
            )
        return target

    def _read(self, response: requests.Response, url: str) -> bytes:
        """The whole body, decompressed if it is compressed, whatever its headers say."""
        chunks: list[bytes] = []
        size = 0
        for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
            size += len(chunk)
            self._check_size(size, url)
            chunks.append(chunk)
        body = b"".join(chunks)
        for _ in range(MAX_GZIP_LAYERS):
            if body[:2] != GZIP_MAGIC:
                break
            body = b"".join(self._gunzip(body, url))
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip") and not _looks_like_json(body):
            raise FetchUndecodable(
                f"{shown(url)} sends the encoding {encoding[:40]!r}, which was not asked for"
            )
        return body

    def _gunzip(self, body: bytes, url: str) -> Iterator[bytes]:
        """The pieces of a gzip body, which may have several members."""
        size, rest = 0, body
        while rest[:2] == GZIP_MAGIC:
            member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            while not member.eof:
                try:
                    piece = member.decompress(rest, SLICE_BYTES)
                except zlib.error as error:
                    raise FetchUndecodable(f"{shown(url)} sends damaged gzip: {error}") from error
                rest = member.unconsumed_tail
                size += len(piece)
                self._check_size(size, url)
                if not piece and not rest and not member.eof:
                    raise FetchUndecodable(f"{shown(url)} sends gzip that ends too early")
                yield piece
                gevent.sleep(0)
            rest = member.unused_data

    def _check_size(self, size: int, url: str) -> None:
        if size > self._max_body_bytes:
            raise FetchTooLarge(f"{shown(url)} sends more than {self._max_body_bytes:,} bytes")


def _time_of(response: requests.Response) -> datetime | None:
    """`Date`, and for how long a cache has kept the answer since (RFC 9110 6.6.1, RFC 9111 5.1)."""
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
        kept_s = int(response.headers.get("Age", "0"))
        return date.astimezone(UTC) + timedelta(seconds=kept_s)
    except (ValueError, OverflowError):
        return None


def fault_of(url: str) -> str | None:
    """What is wrong with an address; None if it can be asked."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "not an address"
    if parts.scheme not in ("http", "https"):
        return "not an http or https address"
    if not host or any(ord(char) <= 32 for char in host):
        return "an address without a host"
    try:
        host.encode("idna")
    except UnicodeError:
        return "a host that cannot exist"
    return None


def shown(url: str) -> str:
    """An address for people: printable, bounded, without a password or a key."""
    text = "".join(char if char.isprintable() else "\ufffd" for char in shown_address(url))
    return text if len(text) <= ADDRESS_CHARS else text[: ADDRESS_CHARS - 1] + "…"


def why(error: BaseException) -> str:
    """What went wrong, in a few words. The libraries wrap the cause up to four times."""
    for cause in reversed([*_causes(error)]):
        match cause:
            case urllib3.exceptions.NameResolutionError() | socket.gaierror():
                return "its name cannot be resolved"
            case ConnectionRefusedError():
                return "connection refused"
            case ConnectionResetError() | BrokenPipeError():
                return "the connection was reset"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not valid ({cause.verify_message})"
            case ssl.SSLError():
                return "no TLS connection"
            case urllib3.exceptions.IncompleteRead() | http.client.IncompleteRead():
                return "the answer ends too early"
            case http.client.BadStatusLine() | http.client.HTTPException():
                return "the answer is not HTTP"
            case urllib3.exceptions.LocationValueError() | UnicodeError():
                return "not an address that can be asked"
            case OSError(strerror=str() as words):
                return words[:1].lower() + words[1:]
    return f"no usable answer ({type(error).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its chain of causes, the outermost first."""
    seen: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        one = todo.pop(0)
        if not isinstance(one, BaseException) or one in seen:
            continue
        seen.append(one)
        yield one
        todo += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]


def _looks_like_json(body: bytes) -> bool:
    return body.lstrip()[:1] in (b"{", b"[")
