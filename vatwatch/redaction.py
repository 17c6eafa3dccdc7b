"""Keeps secrets out of everything that leaves the process.

The first line of defence is elsewhere: each edge (PostgreSQL, Redis, the feeds, webhooks) reports
errors in its own words and never passes on a library's text that may contain an address. This is
the second one: this module knows the secret values of the settings, in every form in which they are
usually written, and replaces them in logs, errors, reports and notifications.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import IO, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
# A shorter piece of a secret is likely a word that messages use ("with", "not").
SHORTEST_PIECE = 5
# A shorter value occurs in many texts by chance, and protects nothing anyway.
SHORTEST = 4
# A value of this length does not occur by chance, not even within a longer word.
UNMISTAKABLE = 12
# Minimum length of a token; a shorter text may be a word of an address.
LONG = 8
# These are not real passwords, and masking them would make the log unreadable.
ORDINARY_WORDS = frozenset(
    """
    admin alerts cache database default feed guest health history https http localhost login
    none null pass password postgres postgresql query redis root secret service services
    status store test token true user username vatsim vatwatch webhook
    """.split()  # noqa: SIM905 - shorter, and can be read
)
# An API key (`vatwatch.access.api_keys`), which is in no setting. Its start says whose it is.
_API_KEY = re.compile(r"(vw_[0-9a-f]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
# Where a library's parser may cut an address, so that only a piece of a password is in its text.
_CUTS = re.compile(r"[\s@/:%#?&=+,;\"'\\]+")


class Redactor:
    """Replaces a fixed set of secrets in texts. Immutable."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        # The longest first: replacing a piece first would leave the rest.
        self._forms = [(form, _pattern(form)) for form in sorted(forms, key=len, reverse=True)]

    def redact(self, text: str) -> str:
        """The text with each secret replaced by `***`, and each API key by its start."""
        if len(text) < SHORTEST:
            return text
        if "vw_" in text:
            text = _API_KEY.sub(rf"\1_{MASK}", text)
        for form, pattern in self._forms:
            if form in text:  # much faster than a pattern, and hardly ever true
                text = pattern.sub(MASK, text)
        return text


class _Known:
    """The secrets of this process, from its settings at the start and at each reload; all stay."""

    def __init__(self) -> None:
        self.secrets: frozenset[str] = frozenset()
        self.redactor = Redactor()


_known = _Known()


def hide(secrets: Iterable[str]) -> None:
    """From now on `redact` replaces these, too. Call it before anything is logged."""
    _known.secrets |= frozenset(secrets)
    _known.redactor = Redactor(_known.secrets)


def redact(text: str) -> str:
    """The text without any secret that the process knows (`hide`). Any thread may call it."""
    return _known.redactor.redact(text)


def storable(text: str) -> str:
    """The text in a form that can be stored and sent: without secrets and invalid characters.

    PostgreSQL's texts cannot contain NUL, and UTF-8 no half of a surrogate pair, but the text of an
    error may contain both.
    """
    text = redact(text)
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def redactor() -> Redactor:
    """The present `Redactor`; a new one is made each time that more must be hidden."""
    return _known.redactor


class RedactingStream:
    """A text stream that lets no secret through. Wraps `sys.stderr`, where tracebacks go; lines of
    the log are redacted in `logs/formats.py`.

    Each `write` is looked at by itself: a secret is found if it is written in one piece, as logging
    and the interpreter's tracebacks write a line.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it without the secrets; the number of characters of what was given."""
        self._stream.write(redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def shown_address(url: str) -> str:
    """An HTTP address for people: without user, password, query and fragment, which may be secret.

    Text that is not an address is not shown at all.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return MASK
    if not parts.scheme or not host:
        return MASK
    host = f"[{host}]" if ":" in host else host
    where = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
    # If there is an @ behind the host, the text before it may be the end of a password with a
    # slash.
    path = parts.path if "@" not in parts.path else f"/{MASK}"
    query = f"?{MASK}" if parts.query or (parts.fragment and "@" in parts.fragment) else ""
    return where + path + query


def _forms(secret: str) -> Iterator[str]:
    """The forms in which a secret may be written, including the pieces into which parsers cut
    it."""
    for whole in {secret, unquote(secret)}:
        if _is_ordinary(whole):
            continue
        for written in _written(whole):
            if len(written) >= SHORTEST:
                yield written
        yield from _in_base64(whole)
        for piece in _CUTS.split(whole):
            if len(piece) >= SHORTEST_PIECE and not _is_ordinary(piece):
                yield from _written(piece)


def _written(text: str) -> Iterator[str]:
    yield text
    yield text.strip()
    yield quote(text, safe="", errors="replace")
    yield quote(text, errors="replace")
    yield quote_plus(text, errors="replace")
    yield quote(text, safe="", errors="replace").lower()
    yield repr(text)[1:-1]
    yield repr(repr(text))[1:-1].strip("'\"")
    yield ascii(text)[1:-1]
    yield repr(text.encode(errors="replace"))[2:-1]
    in_json = json.dumps(text, ensure_ascii=False)[1:-1]
    yield in_json
    yield json.dumps(text)[1:-1]
    yield json.dumps(in_json, ensure_ascii=False)[1:-1]
    yield escape(text)
    yield re.sub(r"\s+", " ", text)
    # As the lines of a text of several lines.
    yield from (line for line in text.splitlines() if len(line) >= SHORTEST)


def _in_base64(text: str) -> Iterator[str]:
    """The secret as a part of base64 text, at any offset."""
    data = text.encode(errors="replace")
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * before + data).decode()
            # Only what the secret alone decides: six bits a character, eight a byte.
            core = encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
            if len(core) >= UNMISTAKABLE:
                yield core


def _is_ordinary(text: str) -> bool:
    return len(text) < SHORTEST or text.strip().lower() in ORDINARY_WORDS


def _pattern(form: str) -> re.Pattern[str]:
    exact = re.escape(form)
    if len(form) >= UNMISTAKABLE:
        return re.compile(exact)
    # A short one is replaced where it stands alone: "base" is a piece of "database".
    before = r"(?<![A-Za-z0-9])" if form[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if form[-1].isalnum() else ""
    return re.compile(before + exact + after)


def parts_of_address(url: str) -> Iterator[str]:
    """The secret parts of an address: user and password, and the values of its parameters.

    If the password has a raw `@`, `/`, `#` or `?`, the address can be read in several ways: all of
    them are used, so that no piece is shown.
    """
    scheme, _, rest = url.partition("://")
    query = rest.partition("?")[2]
    of_http = scheme.lower() in ("http", "https")
    for pair in re.split(r"[&;]", query):
        name, _, value = pair.partition("=")
        if is_secret_parameter(name) or (of_http and len(value) >= LONG):
            yield value
    if of_http and len(query) >= LONG:
        yield query
    if "@" in rest:
        for userinfo in {rest.partition("@")[0], rest.rpartition("@")[0]}:
            user, _, password = userinfo.partition(":")
            # Without a password, the user is often a token.
            yield password or user


def is_secret_parameter(name: str) -> bool:
    """Whether a parameter's name says that its value is secret."""
    name = name.lower()
    return any(word in name for word in ("password", "pass", "token", "key", "secret", "auth"))
