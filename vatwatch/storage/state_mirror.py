"""The live state in Redis, whole, for other nodes to serve the same.

- `vatwatch:state:head` (JSON): the version that is the newest, and in what form it is
- `vatwatch:state:<version>`: it (`live/published_state.py`)
- the channel `vatwatch:state`: each new version, as a text

Head and state are written together. Whoever gets no message finds a new one by the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, cast

import msgspec
from msgspec import Struct
from redis import exceptions
from redis.client import Pipeline, PubSub

from vatwatch.storage.redis_connection import RedisConnection
from vatwatch.storage.redis_mirror import EVENTS_KEY

HEAD_KEY = "vatwatch:state:head"
CHANNEL = "vatwatch:state"
# While nothing new comes the node that collects prolongs it, so it is gone soon after that node.
TTL_S = 600


class StateVersion(NamedTuple):
    """Of a published live state. Two have never the same."""

    epoch: int
    """The number of the reign of the node that has published it; later reigns have higher ones."""
    updated_at: str
    """The feed's time of the snapshot."""
    number: int
    """Rises with each one of a reign."""

    @property
    def text(self) -> str:
        """As keys and people have it."""
        return f"{self.epoch}/{self.updated_at}/{self.number}"


class StateHead(Struct, frozen=True):
    """What is told of the newest one. Later programs may add to it, but not take away."""

    program: str
    """The version of vatwatch that has written it."""
    form: int
    """See `published_state.form_number`."""
    version: StateVersion
    published_at: float
    """Seconds since 1970."""


class StateMirror(RedisConnection):
    """Reads and writes these keys. Raises redis.RedisError."""

    def write(self, head: StateHead, state: bytes, before: StateVersion | None) -> None:
        """Make this the newest one, tell who listens, and delete the one `before`.

        Raises:
            Superseded: one of a later reign is there
        """

        def fill(pipeline: Pipeline) -> None:
            pipeline.set(_key(head.version), state, ex=TTL_S)
            pipeline.set(HEAD_KEY, msgspec.json.encode(head), ex=TTL_S)
            if before is not None:
                pipeline.delete(_key(before))
            pipeline.publish(CHANNEL, head.version.text)

        self.write_in_turn(HEAD_KEY, head.version.epoch, _epoch_in, fill)

    def prolong(self, version: StateVersion) -> bool:
        """Let it live on. Returns whether it is there, and is the newest one."""
        pipeline = self.transaction()
        pipeline.get(HEAD_KEY)
        pipeline.expire(_key(version), TTL_S)
        pipeline.expire(HEAD_KEY, TTL_S)
        raw, is_there, _ = pipeline.execute()
        head = None if raw is None else _head(raw)
        return bool(is_there) and head is not None and head.version == version

    def read_head(self) -> StateHead | None:
        """The newest one's; None if there is none.

        Raises:
            msgspec.DecodeError: it is not what vatwatch writes
        """
        raw = cast("bytes | None", self._redis.get(HEAD_KEY))
        return None if raw is None else msgspec.json.decode(raw, type=StateHead)

    def read(self, version: StateVersion) -> bytes | None:
        """This one, encoded; None if it is gone, as there is a newer one."""
        return cast("bytes | None", self._redis.get(_key(version)))

    def events_after(self, id_: str, count: int) -> list[tuple[str, Mapping[bytes, bytes]]]:
        """The next events in the stream (`redis_mirror`), the oldest first, with their ids there:
        so many at most."""
        found = self._redis.xread({EVENTS_KEY: id_}, count=count)
        # One stream was asked for: its name, and its entries.
        streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", found or [])
        return [(each.decode(), fields) for _, entries in streams for each, fields in entries]

    @contextmanager
    def listening(self) -> Iterator[Callable[[float], bool]]:
        """Listen to the channel, by a connection of its own. Gives a function that waits so many
        seconds at most, and returns whether something was told.

        It only listens, so it never hears that its server is gone. When another connection is lost
        or goes elsewhere, this one counts as lost: the function raises redis.ConnectionError.
        """
        listener: PubSub = self._redis.pubsub(  # type: ignore[no-untyped-call]
            ignore_subscribe_messages=True
        )
        try:
            listener.subscribe(CHANNEL)
            before = self.losses, self.server

            def told(seconds: float) -> bool:
                if (self.losses, self.server) != before:
                    raise exceptions.ConnectionError
                return listener.get_message(timeout=seconds) is not None

            yield told
        finally:
            listener.close()


def _head(raw: bytes) -> StateHead | None:
    try:
        return msgspec.json.decode(raw, type=StateHead)
    except msgspec.DecodeError:
        return None


def _epoch_in(raw: bytes) -> int:
    head = _head(raw)
    return 0 if head is None else head.version.epoch


def _key(version: StateVersion) -> str:
    return f"vatwatch:state:{version.text}"
