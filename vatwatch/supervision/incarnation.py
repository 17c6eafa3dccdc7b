"""Incarnation: one actor from its start to its end: its greenlet, its message in hand, its exit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, TypeVarTuple, Unpack

import gevent
from gevent import Greenlet
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

from vatwatch.errors import ActorUnavailable, SupervisionError
from vatwatch.logs.context import NOTHING, WorkIds, current_ids, take_ids_from, work_on
from vatwatch.supervision.crash_hooks import run_hook
from vatwatch.supervision.envelope import Due, Envelope
from vatwatch.supervision.failures import traceback_of
from vatwatch.supervision.faults import Dropped
from vatwatch.supervision.killed_work import let_go
from vatwatch.supervision.message import Probe, Tell, correlation_of
from vatwatch.supervision.offload import give_way
from vatwatch.supervision.pending_replies import PendingReplies
from vatwatch.supervision.protocols import Node, Runnable
from vatwatch.supervision.reply import Reply
from vatwatch.supervision.spec import ChildSpec
from vatwatch.supervision.timer import Timer
from vatwatch.supervision.vocabulary import ExitReason

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# An actor with a full mailbox never waits, so after this time it yields, and the hub handles timers
# and sockets.
_MAX_BURST_S = 0.005

# Messages that are not for `on_receive`: orders and probes, which the runtime handles, and those of
# pykka's proxies, which pykka's own `_handle_receive` handles.
_CONTROL = frozenset({_ActorStop, Probe})
_SPECIAL = _CONTROL | {ProxyCall, ProxyGetAttr, ProxySetAttr}


@dataclass(frozen=True, slots=True)
class Exit:
    """How an incarnation ended.

    `error` is None if it stopped in order. `traceback` is where it stood, or where it hung.
    """

    reason: ExitReason
    error: BaseException | None = None
    traceback: str = ""
    in_hand: Envelope | None = None
    """The message that it was handling; None between two messages."""


class Incarnation:
    """One run of an actor, from `begin()` to `dead`.

    pykka's own loop stops every actor of the process when one of them ends by a `BaseException` (a
    kill, a gevent.Timeout). So it is not used: the error that ends this greenlet stays in it, as
    `exit`, and `watch` tells the supervisor. The end has a fixed order:

    1. the greenlet: `on_stop`, or pykka's `on_failure` and `on_crash`, then `hand_over`;
    2. the hub: timers and spawned greenlets end, askers that still wait get an error,
       `dead` is set, and `watch` is called.

    The supervisor starts a successor only after that.

    Call all methods in the tree's thread; `kill`, `after` and `order_stop` may also be called in
    the hub.
    """

    __slots__ = (
        "_kill_reason",
        "_linked",
        "_pending_replies",
        "_stop_awaited",
        "_timers",
        "actor",
        "busy_since",
        "dead",
        "deferred",
        "ended_at",
        "exit",
        "greenlet",
        "hand_over_failed",
        "in_hand",
        "left",
        "node",
        "started",
        "started_at",
        "stop_for_good",
        "stop_ordered",
        "watch",
    )

    def __init__(self, actor: Runnable, node: Node, watch: Callable[[Incarnation], None]) -> None:
        """`begin` starts it.

        Args:
            actor: runs in this incarnation and in no other
            node: its place in the tree, which gives it mailbox, clocks and child spec
            watch: called twice, with this incarnation: in its greenlet when `on_start` has returned
                (`started`), and in the hub when it has ended (`dead`). It must not block.
        """
        self.actor = actor
        self.node = node
        self.started = False
        self.started_at = 0.0
        """By the tree's clock, when it has started."""
        self.dead = False
        self.exit: Exit | None = None
        self.ended_at = 0.0
        """By the tree's clock, when it is dead."""
        self.left: Any = None
        """The state that the actor leaves to its successor."""
        self.hand_over_failed = False
        self.busy_since: float | None = None
        self.in_hand: Envelope | None = None
        self.deferred = False
        self.stop_ordered = False
        self.stop_for_good = False
        self.greenlet: Greenlet[[], None] = Greenlet(self._live)
        self.watch = watch
        self._kill_reason: tuple[ExitReason, BaseException | None] | None = None
        self._timers: set[Timer] = set()
        self._linked: set[Greenlet[..., Any]] = set()
        self._pending_replies = PendingReplies(node)
        self._stop_awaited: list[Reply[Any]] = []

    def begin(self) -> None:
        """Start the greenlet. Call it once; it returns before the actor runs."""
        self.node.mailbox.owner = self.greenlet
        self.greenlet.link(self._over)
        self.greenlet.start()

    def order_stop(self, *, for_good: bool) -> None:
        """Let it finish the message in hand (with `drain_on_stop`, all queued ones), and end.

        Returns at once; `dead` is set when it is done. A hanging actor does not obey; the
        supervisor must `kill` it when `shutdown_s` is over. `for_good`: there is no successor, so
        it is not asked for a hand-over.
        """
        self.stop_ordered = True
        self.stop_for_good = for_good
        if self.dead:
            return  # it cannot obey any more, and its successor must not obey
        stop = Envelope(_ActorStop())
        if isinstance(self.node.spec, ChildSpec) and self.node.spec.drain_on_stop:
            self.node.mailbox.put_unbounded(stop)
        else:
            self.node.mailbox.put_urgent(stop)
        self.actor._stop_ordered()

    def kill(self, reason: ExitReason, error: BaseException | None = None) -> None:
        """End it as soon as it waits for something. The first `reason` and `error` count.

        Returns at once. The kill is an exception in the actor's greenlet. A handler can catch it;
        then call this again. A handler that computes, or blocks in C, cannot be killed at all. An
        actor that has left its handlers (`exit` is set) is not disturbed.
        """
        if self.exit is not None or self.dead:
            return
        if self._kill_reason is None:
            self._kill_reason = (reason, error)
        self.greenlet.kill(block=False)

    def after(self, seconds: float, due: Callable[[], None]) -> Timer:
        """Call `due` in the hub in `seconds`, unless this incarnation has ended by then.

        Raises:
            ActorUnavailable: it has ended already
        """
        self._require_alive()
        return Timer(self._timers, seconds, due)

    def correlation_id(self) -> str:
        """The message in hand, if this greenlet handles it."""
        if self.in_hand is None or gevent.getcurrent() is not self.greenlet:
            return ""
        return correlation_of(self.in_hand.message)

    def work(self) -> WorkIds:
        """The correlation id of the message in hand, for log lines."""
        if self.in_hand is None:
            return NOTHING
        return WorkIds(self.in_hand.sent_for, correlation_of(self.in_hand.message))

    @property
    def request_id(self) -> str:
        """Of the HTTP request for which the message in hand was sent; "" if there is none."""
        return "" if self.in_hand is None else self.in_hand.sent_for

    def take_longer(self, seconds: float) -> None:
        """Extend the deadline of the handler, as if it had begun later."""
        if self.busy_since is not None:
            self.busy_since += seconds

    def spawn(self, fn: Callable[[Unpack[Ts]], T], args: tuple[*Ts]) -> Greenlet[..., T | None]:
        """Start a greenlet that ends with this incarnation, and whose failure is its failure."""
        self._require_alive()
        greenlet: Greenlet[..., T | None] = Greenlet(self._linked_run, current_ids(), fn, args)
        self._linked.add(greenlet)
        greenlet.link(self._linked.discard)
        greenlet.start()
        return greenlet

    def reply_later(self) -> Reply[Any]:
        """Take over the duty to answer the ask in hand (`Actor.reply_later`).

        Raises:
            SupervisionError: no ask is in hand
        """
        reply = None if self.in_hand is None else self.in_hand.reply_to
        if reply is None or self.in_hand is None:
            raise SupervisionError(f"{self.node.path}: no ask in hand that could be answered later")
        self.deferred = True
        self._pending_replies.take_over(reply, self.in_hand.message)
        return reply

    def _live(self) -> None:
        take_ids_from(self)
        try:
            self.actor.on_start()
            self._raise_if_killed()
            self.started = True
            self.started_at = self.node.runtime.clock()
            self.watch(self)
            self._handle_messages()
            # on_stop counts as a handler: after a stop of its own, nothing else limits it.
            self.busy_since = self.node.runtime.clock()
            self.actor.ended_by = "shutdown" if self.stop_ordered else "exit"
            self.actor._retire()
            self.actor.on_stop()
            self.exit = Exit("exit")
            self._ask_for_hand_over()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it must end here
            self._crash(error)

    def _handle_messages(self) -> None:
        """Handle one message after another until a stop order comes."""
        node = self.node
        clock = node.runtime.clock
        take_next = node.mailbox.get
        receive = self.actor.on_receive
        latency = node.latency
        counts = latency.counts
        burst_began = clock()
        envelope: Any
        message: Any
        while True:
            envelope = take_next()
            message = envelope.message
            reply: Reply[Any] | None = envelope.reply_to
            # As `_handle_receive` decides, in one look-up: its four take a fifth of a tell's time.
            handle = receive
            if message.__class__ in _SPECIAL:
                if message.__class__ not in _CONTROL:
                    handle = self.actor._handle_receive
                elif self._control(message, reply):
                    return
                else:
                    continue
            self.in_hand = envelope
            self.busy_since = began = clock()
            if node.tap is not None:
                message = self._inject_faults(envelope)
            if message is None:
                pass
            elif reply is None:
                handle(message)
            elif not reply.abandoned:
                self._answer(handle, message, reply)
            ended = clock()
            self.in_hand = self.busy_since = None
            # An actor that waits must not keep a large message alive.
            envelope = message = reply = None
            # LatencyCounts.add, inlined: this is the innermost loop of the service.
            elapsed_s = ended - began
            counts[int(elapsed_s * 1e6).bit_length()] += 1
            latency.sum_s += elapsed_s
            if elapsed_s > latency.max_s:
                latency.max_s = elapsed_s
            # Also here, because a handler may have caught the kill.
            if self._kill_reason is not None:
                self._raise_if_killed()
            if node.on_trial:
                node.trial_succeeded()
            if ended - burst_began > _MAX_BURST_S:
                give_way()
                burst_began = clock()

    def _control(self, message: Any, reply: Reply[Any] | None) -> bool:
        """Handle a stop order (returns True) or a probe; neither counts as a handled message."""
        if message.__class__ is _ActorStop:
            if reply is not None:
                self._stop_awaited.append(reply)
            return True
        assert reply is not None
        reply.set(self.actor.on_probe())
        return False

    def _inject_faults(self, envelope: Envelope) -> Any:
        """The message in hand after fault injection; None if it is dropped."""
        tap = self.node.tap
        try:
            own = isinstance(envelope, Due)
            return envelope.message if tap is None else tap(envelope.message, own)
        except Dropped:
            self.node.undeliverable(envelope, "injected")
            return None

    def _answer(self, handle: Callable[[Any], Any], message: Any, reply: Reply[Any]) -> None:
        try:
            answer = handle(message)
        except Exception as error:  # noqa: BLE001 - it belongs to the asker
            self._pending_replies.handler_failed(reply, message, error)
        else:
            if not self.deferred:
                reply.set(answer)
        finally:
            self.deferred = False

    def _require_alive(self) -> None:
        if self.exit is not None or self.dead:
            raise ActorUnavailable(f"{self.node.path}: this actor has ended")

    def _raise_if_killed(self) -> None:
        if self._kill_reason is not None:
            raise gevent.GreenletExit

    def _linked_run(self, ids: WorkIds, fn: Callable[[*Ts], T], args: tuple[*Ts]) -> T | None:
        work_on(ids)
        try:
            return fn(*args)
        except gevent.GreenletExit as killed:
            let_go(killed)
        except BaseException as error:  # noqa: BLE001 - it is this actor's failure
            self.kill("crash", error)
        return None

    def _crash(self, error: BaseException) -> None:
        reason: ExitReason = "crash" if self.started else "start"
        trace = traceback_of(error)
        if self._kill_reason is not None:
            reason, cause = self._kill_reason
            if cause is not None:
                # A hung actor was killed where it hung.
                trace = trace if cause.__traceback__ is None else traceback_of(cause)
                error = cause
        self.exit = Exit(reason, error, trace, self.in_hand)
        self.actor.ended_by = reason
        if self.in_hand is not None and self.in_hand.reply_to is not None:
            self._pending_replies.cut_off(self.in_hand.reply_to)
        self.actor._retire()
        in_hand = None if self.in_hand is None else self.in_hand.message
        if reason in ("crash", "hang"):
            # Pykka's hook: after an unhandled error, not after an order.
            on_failure = self.actor.on_failure
            run_hook(
                self.node, lambda: on_failure(type(error), error, error.__traceback__), in_hand
            )
        run_hook(self.node, lambda: self.actor.on_crash(error, in_hand), in_hand)
        if self.started:
            self._ask_for_hand_over()

    def _ask_for_hand_over(self) -> None:
        """Ask the actor for its hand-over, unless it never worked or has no successor."""

        def ask() -> None:
            self.left = self.actor.hand_over()

        if not self.stop_for_good:
            self.hand_over_failed = not run_hook(self.node, ask, None)

    def _over(self, _greenlet: object) -> None:
        """In the hub: the greenlet has ended, whether it ever ran or not."""
        if self.exit is None:
            reason, error = self._kill_reason or ("crash", None)
            error = error or gevent.GreenletExit("killed")
            self.exit = Exit(reason, error, "", self.in_hand)
        for timer in list(self._timers):
            timer.cancel()
        for greenlet in list(self._linked):
            greenlet.kill(block=False)
        self._pending_replies.fail_all(self.exit.error)
        if not self.actor.actor_stopped.is_set():  # it never ran
            self.actor._retire()
        for reply in self._stop_awaited:
            reply.set(None)
        self.ended_at = self.node.runtime.clock()
        self.dead = True
        self.node.mailbox.dismiss_orders()
        self.watch(self)


def tell_later(incarnation: Incarnation, seconds: float, message: Tell) -> Timer:
    """Put the message of the actor's own timer into the normal lane, even if that is full."""
    mailbox = incarnation.node.mailbox
    return incarnation.after(seconds, lambda: mailbox.put_unbounded(Due(message)))
