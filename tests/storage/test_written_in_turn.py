"""A process that stood still writes nothing to Redis over what its successor has written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from redis import Redis, exceptions

from vatwatch.errors import Superseded
from vatwatch.live.stream.log import StreamPosition
from vatwatch.storage.redis_connection import TRIES, PlainPipeline, RedisConnection
from vatwatch.storage.state_mirror import StateHead, StateMirror, StateVersion
from vatwatch.storage.stream_mirror import StoredHead, StreamMirror, writer_in

KEY = "vatwatch:test"


@pytest.fixture
def connection(redis_url: str) -> Iterator[RedisConnection]:
    with closing(RedisConnection(redis_url)) as connection:
        yield connection


def write(
    connection: RedisConnection, number: int, *, meanwhile: list[bytes] | None = None
) -> None:
    """Write the number. `meanwhile`: what others write between the look and the writing."""
    others = [] if meanwhile is None else meanwhile

    def fill(pipeline: PlainPipeline) -> None:
        if others:
            pipeline_of_another = connection.transaction()
            pipeline_of_another.set(KEY, others.pop(0))
            pipeline_of_another.execute()
        pipeline.set(KEY, str(number))

    connection.write_in_turn(KEY, number, int, fill)


def test_who_has_a_higher_number_is_not_overwritten(
    connection: RedisConnection, redis_url: str
) -> None:
    server = Redis.from_url(redis_url)
    write(connection, 5)
    write(connection, 5)
    write(connection, 7)
    with pytest.raises(Superseded) as refused:
        write(connection, 6)
    assert (refused.value.number, server.get(KEY)) == (7, b"7")


def test_what_is_written_meanwhile_counts(connection: RedisConnection, redis_url: str) -> None:
    server = Redis.from_url(redis_url)
    write(connection, 5, meanwhile=[b"4"])
    assert server.get(KEY) == b"5"
    with pytest.raises(Superseded):
        write(connection, 6, meanwhile=[b"9"])
    assert server.get(KEY) == b"9"
    with pytest.raises(exceptions.WatchError):
        write(connection, 10, meanwhile=[b"1"] * TRIES)
    write(connection, 10)
    assert server.get(KEY) == b"10", "the connection is of use after that"


def test_a_state_of_an_earlier_reign_is_refused(redis_url: str) -> None:
    def head(epoch: int, number: int) -> StateHead:
        return StateHead("1", 1, StateVersion(epoch, "", number), 0.0)

    with closing(StateMirror(redis_url)) as mirror:
        mirror.write(head(1, 1), b"one", None)
        mirror.write(head(2, 1), b"two", None)
        with pytest.raises(Superseded):
            mirror.write(head(1, 2), b"three", None)
        assert mirror.read_head() == head(2, 1)
        assert mirror.read(head(2, 1).version) == b"two"


def test_a_log_of_an_earlier_writer_is_refused_if_others_may_write(redis_url: str) -> None:
    position = StreamPosition("", 1)

    def written(mirror: StreamMirror, writer: int, entries: list[bytes], *, in_turn: bool) -> None:
        head = StoredHead("1", writer, position, position, position)
        mirror.write(head, entries, length=len(entries), bodies=None, anew=True, in_turn=in_turn)

    with closing(StreamMirror(redis_url)) as mirror:
        written(mirror, 2, [b"two"], in_turn=True)
        with pytest.raises(Superseded):
            written(mirror, 1, [b"one"], in_turn=True)
        stored = mirror.read()
        assert stored is not None
        assert (writer_in(stored.head), stored.entries) == (2, (b"two",))
        # A service that is alone has nobody to mind, whatever its clock said before.
        written(mirror, 1, [b"one"], in_turn=False)
        assert writer_in(mirror.head() or b"") == 1
    assert writer_in(b"no head") == 0
