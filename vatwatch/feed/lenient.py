"""Reads text that is almost JSON: a fault affects only the value that it is in. Never raises.

An unreadable value becomes `LOST`, which is different from null: null means that the sender had no
value.
"""

from __future__ import annotations

import re
from typing import Any, Final

from vatwatch.feed.scan import STRING


class _Lost:
    """There is a value, and it cannot be read."""

    def __repr__(self) -> str:
        return "LOST"


LOST: Final = _Lost()

# The feeds nest 3 deep.
DEEPEST = 16

_STRING = re.compile(STRING, re.DOTALL)
_WORD = re.compile(r'[^\s"{}\[\],:]+')
_SPACE = re.compile(r"\s*")
# Up to the end of an unreadable value.
_SKIP = re.compile(rf'(?:{STRING}|[^"{{}}\[\],])++', re.DOTALL)
_TOKEN = re.compile(STRING + r"|[{}\[\]]", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]+)?")
# No number of a feed is longer, and Python refuses to read 4,300 digits.
_LONGEST_NUMBER = 60
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "'": "'", '"': '"'} | {
    "\\": "\\",
    "/": "/",
}


def read(text: str) -> Any:
    """The value that a text begins with, made of dict, list, str, int, float, bool, None, LOST."""
    value, _ = _value(text, _after_space(text, 0), 0)
    return value


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    sign = text[at : at + 1]
    if sign == '"':
        string = _STRING.match(text, at)
        if string is None:
            return LOST, len(text)
        return unescape(string[0][1:-1]), string.end()
    if sign in ("{", "["):
        if depth >= DEEPEST:
            return LOST, _past(text, at)
        return _object(text, at + 1, depth) if sign == "{" else _list(text, at + 1, depth)
    word = _WORD.match(text, at)
    if word is None:
        return LOST, at
    return _word(word[0]), word.end()


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    while True:
        at = _after_space(text, at)
        sign = text[at : at + 1]
        if sign in ("", "}"):
            return members, at + 1
        if sign == ",":
            at += 1
            continue
        key, after = _key(text, at)
        at = _after_space(text, after)
        if key is None or text[at : at + 1] != ":":
            at = max(at, after, _over(text, at))
            continue
        value, at = _value(text, _after_space(text, at + 1), depth + 1)
        at = _after_space(text, at)
        if text[at : at + 1] not in (",", "}", '"', ""):
            value, at = LOST, _over(text, at)
        # A key that comes twice may be the next record's, where a bracket is missing.
        if key in members and members[key] != value:
            value = LOST
        members[key] = value


def _key(text: str, at: int) -> tuple[str | None, int]:
    string = _STRING.match(text, at)
    if string is not None:
        return unescape(string[0][1:-1]), string.end()
    word = _WORD.match(text, at)
    if word is not None:
        return word[0], word.end()
    return None, at + 1


def _list(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    elements: list[Any] = []
    while True:
        at = _after_space(text, at)
        sign = text[at : at + 1]
        if sign in ("", "]"):
            return elements, at + 1
        if sign in (",", ":", "}"):
            at += 1
            continue
        value, at = _value(text, at, depth + 1)
        elements.append(value)


def _over(text: str, at: int) -> int:
    """The position after an unreadable value: at a comma or a closing bracket."""
    while at < len(text):
        sign = text[at]
        if sign in ",}":
            return at
        if sign in "{[":
            at = _past(text, at)
        elif sign == "]":
            at += 1
        else:
            skipped = _SKIP.match(text, at)
            at = at + 1 if skipped is None else skipped.end()
    return at


def _past(text: str, at: int) -> int:
    """The position after the bracket that closes the one at `at`."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        if token[0] in ("{", "["):
            depth += 1
        elif token[0] in ("}", "]"):
            depth -= 1
            if depth == 0:
                return token.end()
    return len(text)


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


def _word(word: str) -> Any:
    if word in _WORDS:
        return _WORDS[word]
    number = _NUMBER.fullmatch(word)
    if number is None or len(word) > _LONGEST_NUMBER:
        return LOST
    return float(word) if number["fraction"] or number["exponent"] else int(word)


def unescape(text: str) -> str:
    """The characters that a string's text means.

    A backslash before a character that it does not belong to is one itself; half of a surrogate
    pair without the other is U+FFFD.
    """
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_meant, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _meant(escape: re.Match[str]) -> str:
    if escape[1] is not None:
        return chr(int(escape[1], 16))
    return _MEANT.get(escape[2], escape[0])
