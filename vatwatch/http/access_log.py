"""The access log: a line for each request, without secrets and without names of people.

While the request is answered, only what the line needs is kept. The line itself is made in the
thread that writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, wraps
from urllib.parse import unquote_plus

from msgspec import Struct

from vatwatch.logs.formats import json_line, moment
from vatwatch.redaction import MASK, Redactor, is_secret_parameter, redact, redactor

# A request line may have 4,094 bytes and a header 8,190; the rest is cut.
MOST_CHARS = 500
# Their values are numbers and names of people.
PERSONAL = frozenset({"cid", "name", "real_name", "user_id"})
# `http://user:password@host/path`, as proxies are asked.
_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*@")
_PAIR = re.compile("([&;])")
_NOT_PLAIN = re.compile(r"[^!-~]")
_NOT_PRINTABLE = re.compile(r'[^ -~]|["\\]')


class AccessEntry(Struct, frozen=True, gc=False):
    """One answered request. Its texts are unchanged, as Latin-1, so they may contain any byte."""

    time: float
    """When it was answered, in seconds since 1970."""
    client: str
    """The client's address, behind trusted proxies."""
    method: str
    target: str
    """Path and query, as in the request line."""
    status: int
    sent_bytes: int
    """Of the body."""
    duration_s: float
    user_agent: str
    request_id: str

    def line(self) -> bytes:
        """The line in the form `console`, in UTC, without secrets."""
        quoted = _quoted(self.user_agent) if self.user_agent else ""
        return (
            f"{moment(self.time)} {_word(self.client)} {_word(self.method)} "
            f"{safe_target(self.target)} {self.status} {self.sent_bytes} bytes "
            f"{self.duration_s * 1000:.1f} ms [request_id={self.request_id}]{quoted}\n"
        ).encode()

    def json(self) -> bytes:
        """The line in the form `json`: one object, without secrets."""
        path, _, query = safe_target(self.target).partition("?")
        members = {
            "time": moment(self.time),
            "client": _word(self.client),
            "method": _word(self.method),
            "path": path,
            "query": query,
            "status": self.status,
            "bytes": self.sent_bytes,
            "duration_ms": round(self.duration_s * 1000, 3),
            "request_id": self.request_id,
            "user_agent": _agent(self.user_agent),
        }
        return json_line(members).encode() + b"\n"


def _remembered(most: int) -> Callable[[Callable[[str], str]], Callable[[str], str]]:
    """Cache the results for the latest `most` texts: pages and bots send the same again.

    Long texts are not cached, since a client may send many of them. New secrets empty the cache.
    """

    def remember(make: Callable[[str], str]) -> Callable[[str], str]:
        @lru_cache(maxsize=most)
        def kept(text: str, _secrets: Redactor) -> str:
            return make(text)

        @wraps(make)
        def look_up(text: str) -> str:
            return kept(text, redactor()) if len(text) <= MOST_CHARS else make(text)

        return look_up

    return remember


@_remembered(1024)
def safe_target(text: str) -> str:
    """The text without secrets and names, percent-encoded where it is not ASCII, and cut."""
    text = _USERINFO.sub(rf"\1//{MASK}@", text)
    path, mark, query = text.partition("?")
    shown = redact(path + mark + "".join(map(_pair, _PAIR.split(query))))
    return _cut(_NOT_PLAIN.sub(_percent, shown))


@_remembered(1024)
def _word(text: str) -> str:
    return _cut(_NOT_PLAIN.sub(_percent, text))


@_remembered(256)
def _agent(text: str) -> str:
    return _cut(redact(text))


@_remembered(256)
def _quoted(agent: str) -> str:
    return f' "{_NOT_PRINTABLE.sub(_escape, _agent(agent))}"'


def _pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if not value:
        return pair
    meant = unquote_plus(name).lower()
    return name + equals + MASK if is_secret_parameter(meant) or meant in PERSONAL else pair


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}..."


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode("latin-1", "replace"))


def _escape(found: re.Match[str]) -> str:
    one = found.group()
    return f"\\{one}" if one in '"\\' else one.encode("unicode_escape").decode()
