"""Finds the records of a body that is almost JSON.

Brackets are matched outside strings, in one pass, so the time is proportional to the size of the
body. A missing or extra bracket, quote or comma would shift everything after it, so the pass
synchronizes again at places that are certain from the feed's form:

- a string ends at a quote that is followed by one of `, : } ]`, the beginning of an object or the
  end: another quote is part of the text;
- the name of a list (`"pilots": [`) begins that list, wherever it stands;
- an object that begins with the first key of a record (`{"cid":`, in the radios' feed
  `{"callsign":`) begins a record, and so does an object where only a key may stand.

A body that is cut off is recognized by its first bracket, which is not closed.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from msgspec import Struct

STRING = r'"(?:[^"\\]++|\\.|"(?!\s{0,9}(?:[,:}\]]|\{\s{0,9}"|$)))*+"'
# The last alternative is a quote without an end: from there on the body is a text that was cut off.
_TOKEN = re.compile(STRING + r'|[{}\[\]]|"', re.DOTALL)
_COLON = re.compile(r"\s*:")
_LIST_FOLLOWS = re.compile(r"\s*:\s*\[")
_COMMA = re.compile(r"\s*,")
_OBJECT_FOLLOWS = re.compile(r"\s*,\s*\{")
_END = re.compile(r"\s*\Z")
_SPACES = " \t\r\n"


# Brackets within one record; the feed has 3.
DEEPEST = 64


class Scanned(Struct, frozen=True):
    """The parts of a body as texts, none of them decoded.

    `members` are the members of the outermost object that are no lists, `lists` the elements of
    those that are. A body that is a list is `lists[""]`. `closed` is false if the body ends within
    something.
    """

    members: dict[str, str]
    lists: dict[str, list[str]]
    closed: bool


def scan(text: str, *, first_key: str, lists: Collection[str]) -> Scanned:
    """Split a body into its parts.

    Args:
        text: the body, which begins with `{` or `[`
        first_key: the key that each record begins with
        lists: the names of the lists that the outermost object may have
    """
    return _Scan(text, first_key, lists).run()


class _Scan:
    """One pass. `_open` holds the brackets that are open, outermost first."""

    def __init__(self, text: str, first_key: str, lists: Collection[str]) -> None:
        self._text = text
        self._first_key = re.compile(r'\{\s*"' + re.escape(first_key) + r'"\s*:')
        names = "|".join(map(re.escape, lists))
        self._known = frozenset(f'"{name}"' for name in lists)
        self._list_ends = re.compile(rf'\s*,?\s*"(?:{names})"\s*:|\s*\}}?\s*\Z')
        self._open: list[str] = []
        self._closed = False
        self._is_list = False  # the body as a whole
        self._members: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}
        # The member that is being read: its key, where its value begins, and, of a list, where the
        # element begins that is being read and where the latest one ended.
        self._key = ""
        self._value_at = -1
        self._element_at = -1
        self._gap_at = -1

    def run(self) -> Scanned:
        text = self._text
        position = len(text) - len(text.lstrip())
        if text[position : position + 1] == "[":
            self._is_list = True
            self._open = ["{", "["]  # as if it were the only member of an object
            self._begin_list("", position)
            position += 1
        for token in _TOKEN.finditer(text, position):
            sign = text[token.start()]
            if sign != '"':
                if sign in "{[":
                    self._opens(sign, token.start())
                else:
                    self._closes(sign, token.start())
                if self._closed:
                    break
            elif token.end() - token.start() > 1:
                self._string(token)
            else:
                break
        return Scanned(self._members, self._lists, self._closed)

    # --- tokens ------------------------------------------------------------------------------

    def _string(self, token: re.Match[str]) -> None:
        depth = len(self._open)
        if depth > 1:
            if depth == 2 and self._in_list and _COLON.match(self._text, token.end()):
                self._leave_to_root(token.start())  # the list was not ended
            elif token[0] in self._known and _LIST_FOLLOWS.match(self._text, token.end()):
                self._leave_to_root(token.start())
            else:
                return
        colon = _COLON.match(self._text, token.end())
        if colon is not None:
            self._end_member(token.start())
            self._key, self._value_at = token[0][1:-1], colon.end()

    def _opens(self, sign: str, at: int) -> None:
        depth = len(self._open)
        if sign == "{" and depth > 2 and self._begins_record(at):
            self._back_to_list(at)
            depth = len(self._open)
        if depth == 1:
            if self._before(at) == ":":
                if sign == "[" and self._value_at >= 0:
                    self._begin_list(self._key, at)
            elif sign == "{" and self._lists:
                # A list that was ended too early goes on.
                self._begin_list(next(reversed(self._lists)), at - 1)
                self._open.append("[")
                depth = 2
        if depth == 2 and self._in_list:
            self._element_at = at
            self._junk(at)
        self._open.append(sign)

    def _closes(self, sign: str, at: int) -> None:
        depth = len(self._open)
        if depth == 1:
            # One that is followed by more is one too many.
            if sign == "}" and not _COMMA.match(self._text, at + 1):
                self._end_member(at)
                self._closed = True
        elif depth == 2 and self._in_list:
            self._closes_list(sign, at)
        elif self._closes_within(sign):
            if len(self._open) == 2 and self._in_list:
                self._end_element(at + 1)
        elif sign == "]" and self._in_list and self._list_ends.match(self._text, at + 1):
            del self._open[2:]  # the last record was not ended
            self._end_element(at)
            self._closes_list(sign, at)

    def _closes_list(self, sign: str, at: int) -> None:
        if sign == "]":
            if self._is_list and _OBJECT_FOLLOWS.match(self._text, at + 1):
                return  # one too many
            self._end_list(at)
            self._open.pop()
            self._closed = self._is_list
        elif _END.match(self._text, at + 1):  # the last list was not ended
            self._end_list(at)
            self._closed = True

    def _closes_within(self, sign: str) -> bool:
        """Close the innermost bracket of this kind within an element, with all that is in it."""
        opening = "{" if sign == "}" else "["
        floor = 2 if self._in_list else 1
        depth = len(self._open)
        if depth > floor and self._open[-1] != opening:
            # An element is a few brackets deep: to look further up would take quadratic time.
            inner = self._open[max(floor, depth - DEEPEST) :]
            if opening not in inner:
                return False
            while self._open[-1] != opening:
                self._open.pop()
        self._open.pop()
        return True

    # --- synchronizing again -----------------------------------------------------------------

    @property
    def _in_list(self) -> bool:
        """Whether the member that is being read is a list; then `_open[1]` is its bracket."""
        return self._gap_at >= 0

    def _before(self, at: int) -> str:
        """The nearest character before `at` other than a space."""
        at -= 1
        while at >= 0 and self._text[at] in _SPACES:
            at -= 1
        return self._text[at] if at >= 0 else ""

    def _begins_record(self, at: int) -> bool:
        if not self._in_list:
            return False
        if self._open[-1] == "{" and self._before(at) != ":":
            return True
        return self._before(at) != ":" and self._first_key.match(self._text, at) is not None

    def _back_to_list(self, at: int) -> None:
        """End what was not ended before `at`: an object of a list within the record, or the record.

        The object that begins at `at` is the next of that list.
        """
        while self._open[-1] != "[":
            self._open.pop()
        if len(self._open) > 2 and self._first_key.match(self._text, at):
            del self._open[2:]
        if len(self._open) == 2:
            self._end_element(at)

    def _leave_to_root(self, at: int) -> None:
        if self._in_list:
            if len(self._open) > 2:
                self._end_element(at)
            self._end_list(at)
        del self._open[1:]

    # --- parts -------------------------------------------------------------------------------

    def _end_member(self, at: int) -> None:
        if self._value_at >= 0 and self._key not in self._lists:
            self._members[self._key] = self._text[self._value_at : at].strip(_SPACES + ",")
        self._value_at = -1

    def _begin_list(self, key: str, at: int) -> None:
        self._lists.setdefault(key, [])
        self._members.pop(key, None)
        self._key, self._value_at = key, -1
        self._gap_at = at + 1

    def _end_element(self, at: int) -> None:
        if self._element_at >= 0:
            element = self._text[self._element_at : at].rstrip(_SPACES + ",")
            self._lists[self._key].append(element)
        self._element_at, self._gap_at = -1, at

    def _end_list(self, at: int) -> None:
        self._element_at = -1
        self._junk(at)
        self._gap_at = -1

    def _junk(self, at: int) -> None:
        """What is between two elements: commas, or elements that are not objects."""
        for piece in self._text[self._gap_at : at].split(","):
            if piece := piece.strip(_SPACES + "{}[]"):
                self._lists[self._key].append(piece)
        self._gap_at = at
