"""Which request and which snapshot the work at hand belongs to, for every line of the log.

Each greenlet and each native thread has a context of its own (`contextvars`), and neither gevent
nor its thread pools hand one on. So code that passes work on carries the ids along: an ask
(`Reply.request_id`), a tell (`Envelope.request_id`), an actor's own greenlets, and its native
threads. A timer does not: what is done later is not done for one request any more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Protocol

from msgspec import Struct


class WorkIds(NamedTuple):
    """The ids of a piece of work; "" if there is none."""

    request_id: str = ""
    """The id of the HTTP request, as in its answer's `X-Request-ID`."""
    correlation_id: str = ""
    """The id of the snapshot: its `update_timestamp` as the feed sent it."""


NOTHING = WorkIds()


class IdSource(Protocol):
    """Somebody whose work changes all the time, such as an actor; or one request."""

    def work(self) -> WorkIds:
        """What the work at hand belongs to."""

    @property
    def request_id(self) -> str:
        """The same of the request alone, which is cheaper to say."""


class OneRequest(Struct, frozen=True, gc=False):
    """The work for one request, before a snapshot comes into it. Made in less time than ids."""

    request_id: str

    def work(self) -> WorkIds:
        """Its ids."""
        return WorkIds(self.request_id)


_current: ContextVar[WorkIds | IdSource] = ContextVar("work", default=NOTHING)


def current_ids() -> WorkIds:
    """The ids of this greenlet's or thread's current work. Takes less than a microsecond."""
    current = _current.get()
    return current if isinstance(current, WorkIds) else current.work()


def current_request_id() -> str:
    """That of the request alone: for every ask and tell. Costs a quarter of a microsecond."""
    return _current.get().request_id


def work_on(ids: WorkIds) -> None:
    """From now on the work of this greenlet or thread has these ids."""
    _current.set(ids)


@contextmanager
def working_on(ids: WorkIds) -> Iterator[None]:
    """Within this block the work has these ids."""
    token = _current.set(ids)
    try:
        yield
    finally:
        _current.reset(token)


def take_ids_from(source: IdSource) -> None:
    """From now on `source` is called whenever the ids of this greenlet are needed.

    For an actor, whose ids change with each message, and for a request: it costs nothing until a
    line is written.
    """
    _current.set(source)


# The system is asked for so many ids at once: a call of it takes longer than all else of an id.
IDS_AT_ONCE = 256
_ids: list[str] = []
os.register_at_fork(after_in_child=_ids.clear)


def new_request_id() -> str:
    """A random id of 32 hexadecimal digits, like a trace id of W3C's Trace Context."""
    while True:
        try:
            # Other threads may take some meanwhile.
            return _ids.pop()
        except IndexError:
            digits = os.urandom(16 * IDS_AT_ONCE).hex()
            _ids.extend(digits[at : at + 32] for at in range(0, len(digits), 32))
