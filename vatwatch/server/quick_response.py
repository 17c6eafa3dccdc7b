"""gunicorn's response, with a head that is made at less cost.

gunicorn looks at each header as if it were new, which takes a sixth of the time of a small answer,
and writes the date anew, which takes a twentieth. Nearly all of our headers are the same in many
answers, and all the date of one second, so both are remembered.
"""

from __future__ import annotations

import re
from functools import lru_cache
from time import time
from types import SimpleNamespace
from typing import Any, ClassVar

from gunicorn.http.wsgi import Response

_LENGTH = re.compile(r"[0-9]+")
# They differ from answer to answer: what is found of them is not needed again.
_DIFFERENT = frozenset({"x-request-id", "ratelimit-remaining"})
# Names and values that are remembered, the latest used ones: some ten kinds of answers have ten.
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
            name, value = header
            if name == "content-length" and isinstance(value, str) and _LENGTH.fullmatch(value):
                self.response_length = int(value)
                kept.append(header)
            elif name in _DIFFERENT or not _is_sent_as_it_is(name, value):
                super().process_headers([header])
            else:
                kept.append(header)


@lru_cache(maxsize=REMEMBERED, typed=True)
def _is_sent_as_it_is(name: Any, value: Any) -> bool:
    """Whether gunicorn keeps this header as it is, and does nothing else."""
    tried: Any = SimpleNamespace(headers=[], response_length=None, upgrade=False)
    before = vars(tried) | {"headers": [(name, value)]}
    try:
        Response.process_headers(tried, [(name, value)])
    except Exception:  # noqa: BLE001 - whatever it is, it is raised again for each answer
        return False
    return bool(vars(tried) == before)
