"""The board of the cluster in Redis: which nodes there are, and what one asks of another.

- `vatwatch:nodes`: a hash, what each node has said of itself (`ClusterNode` as JSON) by its name
- `vatwatch:node:<name>`: there while the node says something
- `vatwatch:node:<name>:asked`: ids of requests that the node is to answer
- `vatwatch:request:<id>`: one such request (msgpack), there until its asker waits no longer
- `vatwatch:answer:<id>`: a list with its answer
"""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import cast
from uuid import uuid4

import msgspec

from vatwatch.cluster.node import ClusterNode
from vatwatch.cluster.passed_on import NodeAnswer, NodeRequest
from vatwatch.errors import NodeUnreachable
from vatwatch.storage.redis_connection import RedisConnection

NODES = "vatwatch:nodes"
# Three beats may come late.
ALIVE_S = 4.0
# A node that has gone is listed for so long: who looks after a fault must see what was there.
REMEMBERED = timedelta(hours=1)
# A blocked question must end before the socket's own timeout.
SLICE_S = 1
# How long a request outlives its asker's patience, if that has died.
TAKEN_AWAY_S = 2.0
# An answer that nobody fetches is forgotten.
ANSWER_S = 30
# Requests that wait for a node that takes none.
MOST_WAITING = 1000

_request = msgspec.msgpack.Decoder(NodeRequest)
_answer = msgspec.msgpack.Decoder(NodeAnswer)
_node = msgspec.json.Decoder(ClusterNode)


class NodeBoard(RedisConnection):
    """Reads and writes it. Raises redis.RedisError as it comes (`plainly`)."""

    def say(self, node: ClusterNode) -> None:
        """Tell the others of this node."""
        work = self.transaction()
        work.hset(NODES, node.node, cast("str", msgspec.json.encode(node)))
        work.set(_alive(node.node), node.pid, px=int(ALIVE_S * 1000))
        work.execute()

    def leave(self, name: str) -> None:
        """Take the node from the board: it ends in order."""
        work = self.transaction()
        work.hdel(NODES, name)
        work.delete(_alive(name), _asked(name))
        work.execute()

    def look(self) -> list[ClusterNode]:
        """All nodes, by name. What cannot be read, as another version says it, is left out."""
        said = cast("dict[bytes, bytes]", self._redis.hgetall(NODES))
        if not said:
            return []
        names = [name.decode("utf-8", "replace") for name in said]
        alive = cast("list[bytes | None]", self._redis.mget([_alive(name) for name in names]))
        found = []
        for text, sign in zip(said.values(), alive, strict=True):
            try:
                node = _node.decode(text)
            except msgspec.DecodeError:
                continue
            found.append(msgspec.structs.replace(node, alive=sign is not None))
        return self._forget_the_gone(found)

    def ask(self, name: str, request: NodeRequest, timeout_s: float) -> NodeAnswer:
        """Have a node answer; waits.

        Raises:
            NodeUnreachable: it gives no answer in time
        """
        id_ = uuid4().hex
        work = self.transaction()
        # A little longer than anybody waits: who takes it away then knows that nobody has it.
        work.set(
            _of(id_), msgspec.msgpack.encode(request), px=int((timeout_s + TAKEN_AWAY_S) * 1000)
        )
        work.lpush(_asked(name), id_)
        work.ltrim(_asked(name), 0, MOST_WAITING - 1)
        work.expire(_asked(name), int(timeout_s + TAKEN_AWAY_S) + 1)
        work.execute()
        deadline = monotonic() + timeout_s
        while monotonic() < deadline:
            found = self._redis.blpop([_answer_to(id_)], timeout=SLICE_S)
            if found is not None:
                return _answer.decode(cast("tuple[bytes, bytes]", found)[1])
        # Whatever happens to it now, nobody waits for it: it must not be carried out later.
        waited = self._redis.delete(_of(id_))
        raise NodeUnreachable(
            f"the node {name} gave no answer within {timeout_s:g} s", taken=not waited
        )

    def next_request(self, name: str) -> tuple[str, NodeRequest] | None:
        """The next request to this node, and its id; None if none comes for a moment. Waits."""
        found = self._redis.brpop([_asked(name)], timeout=SLICE_S)
        if found is None:
            return None
        id_ = cast("tuple[bytes, bytes]", found)[1].decode("ascii", "replace")
        work = self.transaction()
        work.get(_of(id_))
        work.delete(_of(id_))
        content, _ = work.execute()
        try:
            return None if content is None else (id_, _request.decode(content))
        except msgspec.DecodeError:
            return None  # of another version: its asker hears that nobody answers

    def answer(self, id_: str, answer: NodeAnswer) -> None:
        """Give the answer to a request."""
        work = self.transaction()
        work.rpush(_answer_to(id_), msgspec.msgpack.encode(answer))
        work.expire(_answer_to(id_), ANSWER_S)
        work.execute()

    def _forget_the_gone(self, nodes: list[ClusterNode]) -> list[ClusterNode]:
        latest = max((one.seen_at for one in nodes), default=None)
        kept = []
        for node in nodes:
            if node.alive or latest is None or latest - node.seen_at < REMEMBERED:
                kept.append(node)
            else:
                self._redis.hdel(NODES, node.node)
        return sorted(kept, key=lambda one: one.node)


def _alive(name: str) -> str:
    return f"vatwatch:node:{name}"


def _asked(name: str) -> str:
    return f"vatwatch:node:{name}:asked"


def _of(id_: str) -> str:
    return f"vatwatch:request:{id_}"


def _answer_to(id_: str) -> str:
    return f"vatwatch:answer:{id_}"
