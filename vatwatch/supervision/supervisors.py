"""Supervisor: starts its children in order, stops them in reverse, decides what a failure costs.

What it decides is in `decision.py`, with the law; here it is carried out.

Receives  ChildEnded, TimeIsUp (from itself, in the hub), RestartOrdered (from the tree)
Sends     nothing; the observers are told
Holds     the state of its children (`Group`), and a timer for each that waits
Restart   its children are stopped, and started again in order; their slots, mailboxes and breakers
          stay, and so does what was ordered
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn, assert_never

from gevent import get_hub
from gevent.event import Event

from vatwatch.errors import StartFailed, SupervisionError
from vatwatch.supervision import decision
from vatwatch.supervision.actor import Actor
from vatwatch.supervision.decision import Group, Mode, Phase, decide
from vatwatch.supervision.failures import described, text_of, traceback_of
from vatwatch.supervision.introspection import State
from vatwatch.supervision.life import Exit, ExitReason, Life, Timer
from vatwatch.supervision.mailbox import Envelope
from vatwatch.supervision.message import Tell, correlation_of
from vatwatch.supervision.notices import (
    ChildFailed,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    Escalated,
    FailureReason,
    Notice,
)
from vatwatch.supervision.slot import Slot
from vatwatch.supervision.spec import ChildSpec, SupervisorSpec

# How long a killed actor may take to die. A greenlet dies as soon as it waits, so what takes longer
# catches the kill, or clears up for too long.
_KILL_GRACE_S = 5.0

# READY depends on more; see `_shown`.
_STATES = {
    Phase.DOWN: State.STOPPED,
    Phase.FAILED: State.FAILED,
    Phase.READY: State.RESTARTING,
    Phase.WAITING: State.RESTARTING,
    Phase.SUSPENDED: State.SUSPENDED,
    Phase.RUNNING: State.RUNNING,
    Phase.LEAVING: State.RUNNING,
}


@dataclass(frozen=True, slots=True)
class ChildEnded(Tell):
    """A life is over."""

    slot: Slot
    life: Life


@dataclass(frozen=True, slots=True)
class TimeIsUp(Tell):
    """A backoff or a breaker's timeout is over. It may have been settled otherwise since."""

    child: int
    due_at: float


@dataclass(frozen=True, slots=True)
class RestartOrdered(Tell):
    """Somebody wants a child restarted. Which one says `Slot.restart_ordered`.

    So an order outlives this supervisor: its successor finds it there.
    """


class Supervisor(Actor):
    """See the module. Everything that arrives comes through the urgent lane.

    Starting and stopping a child is waited for, as in OTP; backoffs are not.
    """

    def __init__(self, slot: Slot, spec: SupervisorSpec) -> None:
        super().__init__()
        self._slot = slot
        self._spec = spec
        self._group = slot.group or Group.of(spec)
        self._timers: dict[int, tuple[float, Timer]] = {}
        self._changed = Event()
        self._hang_check: Any = None
        self._start_failed: StartFailed | None = None

    # -- hooks

    def on_start(self) -> None:
        """Start the children in order; if one fails, stop those before it."""
        interval_s = self._slot.runtime.hang_check_s
        # Not a message, so that hangs are found also while the supervisor waits for another child.
        # Not `ref`, so that a tree that only waits does not keep the process alive.
        self._hang_check = get_hub().loop.timer(interval_s, interval_s, ref=False)
        self._hang_check.start(self._find_hung)
        for slot in self._slot.children:
            if slot.life is not None and slot.life.dead:
                # Its end was told to the supervisor before this one, if to anybody.
                slot.settle(_exit_of(slot.life).in_hand, may_retry=not slot.on_trial)
        self._follow(decision.Begin(self._slot.starts == 1, self._take_orders()))

    def on_stop(self) -> None:
        """Stop the children in reverse."""
        self._follow(decision.Finish(self._life.stop_for_good))
        self._hang_check.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:  # noqa: ARG002
        """Take the children along: nobody would look after them."""
        if self._hang_check is not None:
            self._hang_check.close()
        for slot in reversed(self._slot.children):
            if slot.life is not None:
                slot.life.kill("shutdown", error)

    def on_receive(self, message: ChildEnded | TimeIsUp | RestartOrdered) -> None:
        """See the module."""
        match message:
            case ChildEnded(slot, life):
                self._child_ended(slot, life)
            case TimeIsUp(child, due_at):
                self._time_is_up(child, due_at)
            case RestartOrdered():
                self._restart_ordered()
            case _:
                assert_never(message)

    # -- events

    def _child_ended(self, slot: Slot, life: Life) -> None:
        # It may have been stopped, or restarted with a sibling, since it was said.
        if slot.life is life:
            ended = _exit_of(life)
            child = self._slot.children.index(slot)
            self._follow(decision.Ended(child, ended.reason == "exit", _reason_of(ended.error)))

    def _time_is_up(self, child: int, due_at: float) -> None:
        if self._group.children[child].due_at == due_at:
            # If the timer was early by a hair, there will be another one.
            self._forget_timer(child)
            self._follow(decision.Due(child))

    def _restart_ordered(self) -> None:
        # While it stops its children the orders are left for the successor.
        while self._group.mode is Mode.WORKING and (orders := self._take_orders(1)):
            (child,) = orders
            self._follow(decision.RestartRequested(child))

    def _take_orders(self, at_most: int | None = None) -> frozenset[int]:
        children = self._slot.children
        ordered = [i for i, slot in enumerate(children) if slot.restart_ordered][:at_most]
        for child in ordered:
            children[child].restart_ordered = False
        return frozenset(ordered)

    def _follow(self, event: decision.Event | None) -> None:
        """Decide about the event, carry the orders out, and so on with what comes of them."""
        runtime = self._slot.runtime
        while event is not None:
            group = self._with_breakers()
            self._group, orders = decide(group, event, runtime.clock(), runtime.random)
            self._slot.group = self._group
            self._show()
            event = None
            for order in orders:
                event = self._carry_out(order)

    def _with_breakers(self) -> Group:
        """The group with the breakers as they are: messages, and time, have changed them."""
        children = zip(self._group.children, self._slot.children, strict=True)
        return replace(
            self._group,
            children=tuple(
                known if slot.guard is None else replace(known, breaker=slot.guard.breaker)
                for known, slot in children
            ),
        )

    # -- what is shown, and the timers: both are made from the state

    def _show(self) -> None:
        now = self._slot.runtime.clock()
        for child, slot in enumerate(self._slot.children):
            slot.state = self._shown(child, slot)
            slot.next_start_at = self._group.starts_at(child, now)
            due_at = self._group.children[child].due_at
            armed = self._timers.get(child)
            if armed is None or armed[0] != due_at:
                self._forget_timer(child)
                if due_at is not None:
                    self._arm_timer(child, due_at, due_at - now)

    def _shown(self, child: int, slot: Slot) -> State:
        known = self._group.children[child]
        if known.phase is Phase.READY and not slot.starts:
            return State.STOPPED
        if known.phase is Phase.READY and known.on_trial:
            return State.SUSPENDED
        return _STATES[known.phase]

    def _arm_timer(self, child: int, due_at: float, delay_s: float) -> None:
        due = TimeIsUp(child, due_at)
        self._timers[child] = due_at, self._life.after(delay_s, lambda: self._urgent(due))

    def _forget_timer(self, child: int) -> None:
        _due_at, timer = self._timers.pop(child, (None, None))
        if timer is not None:
            timer.cancel()

    # -- orders

    def _carry_out(self, order: decision.Order) -> decision.Event | None:
        """Do it. Of `Start` and `Stop` the outcome is the next event; no other order has one."""
        match order:
            case decision.Start(child):
                return self._bring_up(child, self._slot.children[child])
            case decision.Stop(child, for_good):
                return self._take_down(child, self._slot.children[child], for_good=for_good)
            case decision.Escalate():
                self._notify(Escalated(self.path, self._spec.intensity, self._spec.period_s))
            case decision.GiveUp():
                raise SupervisionError(
                    f"{self.path}: more than {self._spec.intensity} failures "
                    f"in {self._spec.period_s:g} s"
                )
            case decision.RefuseToStart():
                assert self._start_failed is not None, "no child has failed to start"
                raise self._start_failed
            case _:
                self._do_at_once(order, self._slot.children[order.child])
        return None

    def _do_at_once(self, order: decision.OrderAtOnce, slot: Slot) -> None:
        life = slot.life
        match order:
            case decision.Report():
                assert life is not None, "nobody has ended"
                self._report(slot, _exit_of(life))
            case decision.TellStopped():
                self._notify(ChildStopped(slot.path, killed=False))
            case decision.Release(_child, retry):
                if life is not None and life.dead:
                    slot.settle(_exit_of(life).in_hand, may_retry=retry)
            case decision.Close(_child, failed):
                slot.close(State.FAILED if failed else State.STOPPED)
            case decision.Suspend(_child, breaker, reason):
                assert slot.guard is not None, "only who has a breaker is suspended"
                slot.guard.follow(breaker, reason, failed=bool(reason))
                slot.suspend()
            case decision.Try(_child, breaker):
                assert slot.guard is not None, "only who has a breaker is tried"
                slot.guard.follow(breaker, "its timeout is over")
                slot.begin_trials()
            case decision.Reset(_child, breaker):
                assert slot.guard is not None, "only who has a breaker has it reset"
                slot.guard.follow(breaker, "a restart was ordered")
                slot.end_trials()
            case decision.Delay(_child, attempt, delay_s):
                self._notify(ChildRestarting(slot.path, attempt, delay_s))
            case _:
                assert_never(order)

    # -- starting and stopping

    def _bring_up(self, child: int, slot: Slot) -> decision.Event:
        """Start one child and wait until it runs, or does not."""
        try:
            self._start_child(slot)
        except StartFailed as error:
            self._start_failed = error
            life = slot.life
            if self._life.stop_ordered:
                runs = life is not None and not life.dead
                return decision.Interrupted(child, runs, self._life.stop_for_good)
            return decision.NotStarted(child, _reason_of(error.__cause__ or error))
        self._notify(ChildStarted(slot.path))
        return decision.Started(child)

    def _start_child(self, slot: Slot) -> None:
        """Start one child and wait until it runs.

        Raises:
            StartFailed: it does not; this has been reported
        """
        self._bury(slot)
        slot.starting()
        try:
            life = self._embody(slot)
        except Exception as error:
            # A constructor is the child's own code: whatever it raises, the child cannot start.
            self._report(slot, Exit("start", error, traceback_of(error)))
            raise _start_failed(slot, error) from error
        slot.life = life
        life.actor._start_actor_loop()
        self._wait(lambda: life.started or life.dead, _start_s(slot), until_stop=True)
        if life.started:
            slot.running()
            return
        if self._life.stop_ordered:
            # It is stopped in good order, like those that run.
            raise StartFailed(f"{self.path}: told to stop while starting {slot.name}")
        if not life.dead:
            late = StartFailed(f"not started within {_start_s(slot)} s")
            if not self._kill(life, "start", late):
                self._refuse(slot)
        ended = _exit_of(life)
        self._report(slot, ended)
        slot.settle(None, may_retry=False)
        raise _start_failed(slot, ended.error) from ended.error

    def _embody(self, slot: Slot) -> Life:
        """Make a new actor and give it the slot."""
        actor: Actor
        if isinstance(slot.spec, SupervisorSpec):
            actor = Supervisor(slot, slot.spec)
        else:
            actor = slot.spec.actor_class(*slot.spec.args, **slot.spec.kwargs)
        life = Life(actor, slot, self._watch_child)
        actor._bind(slot, life)
        return life

    def _bury(self, slot: Slot) -> None:
        """See to it that the predecessor is dead; this supervisor's own may have left one dying."""
        life = slot.life
        if life is None:
            return
        # So far the supervisor before this one is told.
        life.watch = self._watch_child
        if not life.dead and not self._kill(life, "shutdown"):
            self._refuse(slot)
        slot.settle(_exit_of(life).in_hand, may_retry=True)

    def _refuse(self, slot: Slot) -> NoReturn:
        """Fail to start a child whose predecessor lives on: two of it must never run."""
        error = StartFailed("the actor before it was killed and does not die")
        self._report(slot, Exit("start", error, traceback_of(error)))
        raise _start_failed(slot, error)

    def _take_down(self, child: int, slot: Slot, *, for_good: bool) -> decision.Event:
        if slot.life is not None:
            self._stop_child(slot, slot.life, for_good=for_good)
        return decision.Stopped(child)

    def _stop_child(self, slot: Slot, life: Life, *, for_good: bool) -> None:
        slot.state = State.STOPPING
        life.order_stop(for_good=for_good)
        killed = not self._wait(lambda: life.dead, slot.spec.shutdown_s)
        if killed and not self._kill(life, "shutdown"):
            # The others are to be stopped all the same. It keeps its slot; nobody else gets that.
            self._report(slot, Exit("hang", SupervisionError("killed, and does not die")))
            return
        ended = _exit_of(life)
        if ended.reason in ("crash", "hang"):
            self._report(slot, ended)
        slot.settle(ended.in_hand, may_retry=not for_good)
        self._notify(ChildStopped(slot.path, killed))

    def _kill(self, life: Life, reason: ExitReason, error: BaseException | None = None) -> bool:
        """Kill a child and wait until it is dead; False when it does not die."""
        life.kill(reason, error)
        return self._wait(lambda: life.dead, _KILL_GRACE_S)

    def _wait(
        self, done: Callable[[], bool], timeout_s: float | None, *, until_stop: bool = False
    ) -> bool:
        """Wait until `done`, for `timeout_s` at most, or until this supervisor is told to stop."""
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            self._changed.set()

        timer = None if timeout_s is None else self._life.after(timeout_s, expire)
        try:
            while not done():
                if expired or (until_stop and self._life.stop_ordered):
                    return False
                self._changed.clear()
                self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()
        return True

    # -- in the hub, or in a child: must not block

    def _watch_child(self, life: Life) -> None:
        self._changed.set()
        if not life.dead:
            return
        if life.slot.mailbox.closed and life.slot.life is life:
            # Given up together with this supervisor: nobody will ask how it ended.
            life.slot.settle(_exit_of(life).in_hand, may_retry=False)
        else:
            self._urgent(ChildEnded(life.slot, life))

    def _stop_ordered(self) -> None:
        self._changed.set()

    def _find_hung(self) -> None:
        now = self._slot.runtime.clock()
        for slot in self._slot.children:
            life = slot.life
            if life is None or not isinstance(slot.spec, ChildSpec):
                continue
            deadline_s = slot.spec.handler_deadline_s
            # Whoever wanted to get in may have found out that the trial is too late.
            if slot.on_trial and slot.guard is not None and slot.guard.expire():
                life.kill("hang", SupervisionError("a trial message took too long"))
            elif (
                deadline_s is not None
                and life.busy_since is not None
                and now - life.busy_since > deadline_s
            ):
                # Again at each check: the handler may catch the first kill.
                life.kill("hang", SupervisionError(f"a handler ran for more than {deadline_s:g} s"))

    def _urgent(self, message: Tell) -> None:
        self._slot.mailbox.put_urgent(Envelope(message))

    # -- telling

    def _report(self, slot: Slot, ended: Exit) -> None:
        """A child failed: keep it in mind and tell the observers."""
        reason: FailureReason = "crash" if ended.reason == "shutdown" else ended.reason
        slot.failed(reason, ended.error, ended.traceback)
        in_hand = None if isinstance(slot.spec, SupervisorSpec) else ended.in_hand
        self._notify(
            ChildFailed(
                path=slot.path,
                reason=reason,
                message_type=None if in_hand is None else type(in_hand.message).__name__,
                correlation_id="" if in_hand is None else correlation_of(in_hand.message),
                **described(ended.error, ended.traceback),
            )
        )

    def _notify(self, notice: Notice) -> None:
        self._slot.runtime.directory.notify(notice)


def _exit_of(life: Life) -> Exit:
    assert life.exit is not None, "asked before the life was over"
    return life.exit


def _reason_of(error: BaseException | None) -> str:
    return "stopped by itself" if error is None else f"{type(error).__name__}: {text_of(error)}"


def _start_failed(slot: Slot, error: BaseException | None) -> StartFailed:
    """The error for those above; a child of a child has already said where it was."""
    if isinstance(slot.spec, SupervisorSpec) and isinstance(error, StartFailed):
        return StartFailed(text_of(error))
    text = "" if error is None else text_of(error)
    if isinstance(error, StartFailed):
        return StartFailed(f"{slot.path}: {text}")
    return StartFailed(f"{slot.path}: {type(error).__name__}: {text}")


def _start_s(slot: Slot) -> float | None:
    """A supervisor may take as long as its children, each of which has a limit of its own."""
    return slot.spec.start_s if isinstance(slot.spec, ChildSpec) else None
