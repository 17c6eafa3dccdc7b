"""gunicorn's response, with a head that is made at less cost.

gunicorn looks at each header as if it were new, which takes a sixth of the time of a small answer,
and writes the date anew, which takes a twentieth. Nearly all of our headers are the same in many
answers, and all the date of one second, so both are remembered.
"""

from __future__ import annotations

import re
from time import time
from types import SimpleNamespace
from typing import Any, ClassVar

from gunicorn.http.wsgi import Response

_LENGTH = re.compile(r"[0-9]+")
# They differ from answer to answer: what is found of them is not needed again.
_DIFFERENT = frozenset({"x-request-id", "ratelimit-remaining"})
# Of such a value gunicorn changes and refuses nothing.
_VISIBLE = re.compile(r"[!-~]+")
# Names and values that are remembered until there are more: some ten kinds of answers have ten.
REMEMBERED = 1024


class QuickResponse(Response):
    """As gunicorn's."""

    _second = 0
    _of_second: ClassVar[dict[tuple[object, ...], list[str]]] = {}
    """The first lines of the answers of this second, by all that they depend on."""

    def default_headers(self) -> list[str]:
        """The first lines of an answer: its status, and what is of the server and of the
        connection."""
        second = int(time())
        if second != QuickResponse._second:
            QuickResponse._second = second
            self._of_second.clear()
        kind = (self.req.version, self.status, self.should_close(), self.upgrade, self.chunked)
        known = self._of_second.get(kind)
        if known is None:
            known = self._of_second[kind] = super().default_headers()
        return known.copy()

    def process_headers(self, headers: Any) -> None:
        """Check the headers of an answer, and keep those that are not of the connection."""
        kept: Any = self.headers
        for header in headers:
            if header in _sent_as_they_are:
                kept.append(header)
                continue
            name, value = header
            if name == "content-length" and isinstance(value, str) and _LENGTH.fullmatch(value):
                self.response_length = int(value)
                kept.append(header)
            elif name in _DIFFERENT and isinstance(value, str) and _VISIBLE.fullmatch(value):
                kept.append(header)
            else:
                super().process_headers([header])
                if name not in _DIFFERENT and _is_sent_as_it_is(header):
                    _remember(header)


_sent_as_they_are: set[tuple[str, str]] = set()
"""Headers that gunicorn keeps as they are, and does nothing else for."""


def _remember(header: tuple[str, str]) -> None:
    if len(_sent_as_they_are) >= REMEMBERED:
        _sent_as_they_are.clear()
    _sent_as_they_are.add(header)


def _is_sent_as_it_is(header: tuple[str, str]) -> bool:
    """Whether gunicorn, which takes this header, keeps it so and does nothing else."""
    tried: Any = SimpleNamespace(headers=[], response_length=None, upgrade=False)
    before = vars(tried) | {"headers": [header]}
    Response.process_headers(tried, [header])
    return bool(vars(tried) == before)
