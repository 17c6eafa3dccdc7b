"""Converts bytes to a text that a JSON decoder accepts, without looking at its structure."""

from __future__ import annotations

import codecs
import re

# Any escape within a text; `lone` is half of a surrogate pair without the other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|u[0-9a-fA-F]{4}|[\"\\/bfnrt]"
    rb"|(?P<quote>')|(?P<none>))",
)
# Control characters are not allowed in a text, and a space may stand wherever they may.
_SPACES = bytes.maketrans(bytes(range(32)), b" " * 32)
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def mend(raw: bytes) -> bytes:
    """The body as UTF-8, without faults in single texts that would make the whole invalid JSON.

    A byte order mark is removed; bytes that are not UTF-8 and halves of surrogate pairs become
    U+FFFD; control characters become spaces; a backslash that escapes nothing stands for itself.
    """
    if raw[:2] in _WIDE:
        raw = raw.decode("utf-16", "replace").encode()
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        raw.decode()
    except UnicodeDecodeError:
        raw = raw.decode(errors="replace").encode()
    raw = raw.translate(_SPACES)
    return _ESCAPE.sub(_meant, raw) if b"\\" in raw else raw


def _meant(escape: re.Match[bytes]) -> bytes:
    if escape["lone"] is not None:
        return b"\\ufffd"
    if escape["quote"] is not None:
        return b"'"
    return b"\\\\" if escape["none"] is not None else escape[0]
