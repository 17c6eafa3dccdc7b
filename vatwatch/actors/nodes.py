"""Nodes: tells the other nodes of this one, knows them, and passes requests to and fro.

Receives  AskNode, TellReload, LookAround
Sends     ServiceReport
Holds     the latest look at the nodes, which it shares (`NodesView`)
Restart   costs a second: what Redis has is read again. A request in hand is not answered, and its
          asker hears of that
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias, TypeVar, assert_never

import gevent
import redis
from gevent.pool import Pool
from msgspec import structs

from vatwatch.actors.breakers import redis_policy
from vatwatch.actors.service import Service
from vatwatch.cluster.node import ClusterNode, ClusterRole, collector_of, this_process
from vatwatch.cluster.passed_on import NodeAnswer, NodeRequest, reload_order
from vatwatch.config.breaker import BreakerSettings
from vatwatch.errors import BreakerOpen, NodeUnreachable, RedisUnavailable, SupervisionError
from vatwatch.messages import (
    AskNode,
    GetReports,
    NodesView,
    Role,
    TellReload,
)
from vatwatch.messages.follower_status import FollowerStatus
from vatwatch.messages.nodes import ToNodes
from vatwatch.messages.nodes_status import NodesStatus
from vatwatch.messages.status import CacheStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.node_board import NodeBoard
from vatwatch.supervision import CircuitBreaker, Reply, Tell
from vatwatch.supervision.failures import text_of

T = TypeVar("T")

REDIS_FAILS = (RedisUnavailable, redis.RedisError)
# The others count a node as gone after four times as long.
BEAT_S = 1.0
# While Redis is away.
PAUSE_S = 1.0
# Requests of other nodes that are answered at the same time. The rest wait in Redis.
AT_ONCE = 32
# The health of the whole is told to others only if it is known at once.
HEALTH_TIMEOUT_S = 0.5
RELOAD_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class LookAround(Tell):
    """Tell the others of this node, and look who is there."""


Received: TypeAlias = ToNodes | LookAround


class NodesActor(Service):
    """This node among the others."""

    def __init__(
        self,
        name: str,
        redis_url: str,
        breaker: BreakerSettings,
        *,
        answer: Callable[[NodeRequest], NodeAnswer],
    ) -> None:
        """`answer`: how this node answers a request that another one passes on."""
        super().__init__()
        self._answer = answer
        self._board = NodeBoard(redis_url)
        self._policy = redis_policy(breaker, redis_url)
        self._circuit_breaker: CircuitBreaker | None = None
        self._view = NodesView(_beginning(name), looked=False)
        self._at_work = Pool(AT_ONCE)
        self._last_error = ""
        self._passed_on = self._answered = 0

    def on_start(self) -> None:
        self._circuit_breaker = self.circuit_breaker(
            "Redis", self._policy, failure_types=REDIS_FAILS
        )
        self.share(self._view)
        self.spawn(self._look_around)
        self.spawn(self._listen)
        self._report()

    def on_stop(self) -> None:
        with suppress(*REDIS_FAILS, BreakerOpen):  # the others see that it says nothing more
            self._plainly(partial(self._board.leave, self._view.own.node))
        self._give_back()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._give_back()

    def on_receive(self, message: Received) -> Any:
        match message:
            case AskNode():
                self.spawn(self._pass_on, message, self.reply_later())
            case TellReload(everywhere):
                self._tell_reload(everywhere=everywhere)
            case LookAround():
                self.spawn(self._look_around)
            case _:
                assert_never(message)
        return None

    def _look_around(self) -> None:
        own = self._own()
        try:
            self._plainly(partial(self._board.say, own))
            found = self._plainly(self._board.look)
            self._last_error = ""
        except (*REDIS_FAILS, BreakerOpen) as error:
            # What is known of the others is what was: they may be well, and cannot be asked.
            self._last_error = text_of(error)
            found = [structs.replace(one, alive=False) for one in self._view.others]
        others = tuple(one for one in found if one.node != own.node)
        self._view = NodesView(own, others)
        self.share(self._view)
        self._report()
        self.after(BEAT_S, LookAround())

    def _own(self) -> ClusterNode:
        role = self.address("leadership").shared(Role)
        collects = role is not None and role.collects
        now = structs.replace(
            self._view.own,
            role=ClusterRole.COLLECTOR if collects else ClusterRole.FOLLOWER,
            epoch=None if role is None else role.epoch,
            health=Health.UNHEALTHY,
            lag_s=0.0 if collects else None,
            seen_at=datetime.now(UTC),
        )
        try:
            reports = self.address("health_monitor").ask(GetReports(), timeout_s=HEALTH_TIMEOUT_S)
        except SupervisionError:
            return now  # it does not run, which is not healthy
        if not collects:
            leader = collector_of(self._view.others)
            epoch = None if leader is None else leader.epoch
            lag_s = reports.status_of(FollowerStatus).lag_s
            now = structs.replace(now, epoch=epoch, lag_s=lag_s)
        moment = reports.status_of(CacheStatus).update_timestamp
        return structs.replace(now, health=reports.health, update_timestamp=moment)

    def _pass_on(self, message: AskNode, reply: Reply[NodeAnswer]) -> None:
        self._passed_on += 1
        try:
            reply.set(
                self._waiting(
                    partial(self._board.ask, message.node, message.request, message.timeout_s)
                )
            )
        except NodeUnreachable as error:
            reply.fail(error)
        except (*REDIS_FAILS, BreakerOpen) as error:
            text = f"the node {message.node} cannot be asked: {text_of(error)}"
            reply.fail(NodeUnreachable(text, taken=not isinstance(error, BreakerOpen)))

    def _listen(self) -> None:
        """Answer what the others pass on, for as long as this actor lives."""
        own = self._view.own.node
        while True:
            try:
                found = self._waiting(partial(self._board.next_request, own))
            except (*REDIS_FAILS, BreakerOpen):
                gevent.sleep(PAUSE_S)
                continue
            if found is not None:
                self._at_work.wait_available()
                self._at_work.add(self.spawn(self._reply_to, *found))

    def _reply_to(self, id_: str, request: NodeRequest) -> None:
        self._answered += 1
        try:
            answer = self._answer(request)
        except Exception as error:  # noqa: BLE001 - its asker hears that nobody answers
            self.report_failure("answer for another node", error)
            return
        with suppress(*REDIS_FAILS, BreakerOpen):  # its asker hears that nobody answers
            self._plainly(partial(self._board.answer, id_, answer))

    def _tell_reload(self, *, everywhere: bool) -> None:
        """After a signal, which each process of this service has got, one of them tells those of
        other services, so that each of these hears of it once."""
        own, others = self._view.own, [one for one in self._view.others if one.alive]
        ours = [one.node for one in others if (one.host, one.service) == (own.host, own.service)]
        if not everywhere and any(name < own.node for name in ours):
            return
        for node in others:
            if everywhere or node.node not in ours:
                self.spawn(self._reload_there, node.node)

    def _reload_there(self, name: str) -> None:
        try:
            answer = self._waiting(
                partial(
                    self._board.ask,
                    name,
                    reload_order(self._view.own.node, self._view.own.host),
                    RELOAD_TIMEOUT_S,
                )
            )
        except (NodeUnreachable, *REDIS_FAILS, BreakerOpen) as error:
            self.report_failure(f"reload the settings of {name}", error)
            return
        if not answer.status.startswith("200"):
            self.report_failure(
                f"reload the settings of {name}", NodeUnreachable(f"{name} says {answer.status}")
            )

    def _plainly(self, work: Callable[[], T]) -> T:
        assert self._circuit_breaker is not None
        return self._circuit_breaker.call(partial(self._board.plainly, work))

    def _waiting(self, work: Callable[[], T]) -> T:
        """For work that waits for somebody else. It is no call that says how Redis is, and must not
        be the trial that others wait for: the beats find that out."""
        assert self._circuit_breaker is not None
        if self._circuit_breaker.retry_in_s > 0:
            raise BreakerOpen(self._circuit_breaker.name, self._circuit_breaker.retry_in_s)
        return self._board.plainly(work)

    def _give_back(self) -> None:
        self._board.close()

    def _report(self) -> None:
        others = self._view.others
        status = NodesStatus(
            node=self._view.own.node,
            others=len(others),
            gone=sum(not one.alive for one in others),
            passed_on=self._passed_on,
            answered=self._answered,
            last_error=self._last_error,
        )
        health = Health.DEGRADED if self._last_error else Health.HEALTHY
        reason = f"the other nodes cannot be seen: {self._last_error}" if self._last_error else ""
        self.report(health, reason, status)


def _beginning(name: str) -> ClusterNode:
    """This node, before anything is known of it."""
    now = datetime.now(UTC)
    return this_process(
        name, role=ClusterRole.FOLLOWER, started_at=now, now=now, health=Health.UNHEALTHY
    )
