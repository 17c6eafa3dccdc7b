"""Supervisor: starts its children in order, stops them in reverse, decides what a failure costs.

Receives  ChildEnded, RestartDue, TrialDue (from itself, in the hub), RestartOrdered (from the tree)
Sends     nothing; the observers are told
Holds     the restart window, and which children wait for their backoff or their breaker
Restart   its children are stopped, and started again in order; their slots and mailboxes stay
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, assert_never

from gevent import get_hub
from gevent.event import Event

from vatwatch.errors import StartFailed, SupervisionError
from vatwatch.supervision.actor import Actor
from vatwatch.supervision.failures import described, text_of, traceback_of
from vatwatch.supervision.intensity import RestartWindow
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
from vatwatch.supervision.spec import ChildSpec, Restart, Strategy, SupervisorSpec

# How long a killed actor may take to die. A greenlet dies as soon as it waits, so what takes longer
# catches the kill, or clears up for too long.
_KILL_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class ChildEnded(Tell):
    """A life is over."""

    slot: Slot
    life: Life


@dataclass(frozen=True, slots=True, eq=False)
class RestartDue(Tell):
    """A backoff is over. Each is itself alone: a later failure makes a later one count."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class TrialDue(Tell):
    """A breaker's timeout is over, or so a timer says."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class RestartOrdered(Tell):
    """Somebody wants this child stopped in order and started again, with those that go with it."""

    slot: Slot


class Supervisor(Actor):
    """See the module. Everything that arrives comes through the urgent lane.

    Starting and stopping a child is waited for, as in OTP; backoffs are not.
    """

    def __init__(self, slot: Slot, spec: SupervisorSpec) -> None:
        super().__init__()
        self._slot = slot
        self._spec = spec
        self._window = RestartWindow(spec.intensity, spec.period_s)
        self._backoffs: dict[Slot | None, tuple[RestartDue, Timer | None]] = {}
        self._trials: dict[Slot, Timer] = {}
        self._changed = Event()
        self._hang_check: Any = None

    # -- hooks

    def on_start(self) -> None:
        """Start the children in order; if one fails, stop those before it."""
        interval_s = self._slot.runtime.hang_check_s
        # Not a message, so that hangs are found also while the supervisor waits for another child.
        # Not `ref`, so that a tree that only waits does not keep the process alive.
        self._hang_check = get_hub().loop.timer(interval_s, interval_s, ref=False)
        self._hang_check.start(self._find_hung)
        try:
            for slot in self._slot.children:
                if slot.state is State.SUSPENDED:
                    self._await_trial(slot)
                else:
                    self._start_child(slot)
        except StartFailed:
            self._halt(self._slot.children, for_good=self._life.stop_for_good)
            raise

    def on_stop(self) -> None:
        """Stop the children in reverse."""
        self._halt(self._slot.children, for_good=self._life.stop_for_good)
        self._hang_check.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:  # noqa: ARG002
        """Take the children along: nobody would look after them."""
        if self._hang_check is not None:
            self._hang_check.close()
        for slot in reversed(self._slot.children):
            if slot.life is not None:
                slot.life.kill("shutdown", error)

    def on_receive(self, message: ChildEnded | RestartDue | TrialDue | RestartOrdered) -> None:
        """See the module."""
        match message:
            case ChildEnded(slot, life):
                self._child_ended(slot, life)
            case RestartDue(slot):
                self._restart_due(slot, message)
            case TrialDue(slot):
                self._trial_due(slot)
            case RestartOrdered(slot):
                self._restart_ordered(slot)
            case _:
                assert_never(message)

    # -- what a failure costs

    def _child_ended(self, slot: Slot, life: Life) -> None:
        # It may have been stopped, or restarted with a sibling, since it was said.
        if slot.life is not life:
            return
        ended = _exit_of(life)
        normal = ended.reason == "exit"
        restarts = slot.spec.restart is Restart.PERMANENT or (
            slot.spec.restart is Restart.TRANSIENT and not normal
        )
        if normal and not restarts:
            slot.settle(None, may_retry=False)
            slot.close(State.STOPPED)
            self._notify(ChildStopped(slot.path, killed=False))
            return
        self._report(slot, ended)
        if not restarts:
            slot.settle(ended.in_hand, may_retry=False)
            slot.close(State.FAILED)
            return
        self._recover(slot, ended.in_hand)

    def _recover(self, slot: Slot, in_hand: Envelope | None) -> None:
        """A child has ended that is to live: restart those whom it concerns, or give up.

        One whose breaker opens stays down; its siblings go on without it, and are not restarted
        when it is tried again: they were started after its end, so they hold nothing of it.
        """
        suspended = slot.guard is not None and slot.fails_too_often()
        if slot.guard is None and not self._may_restart():
            slot.settle(in_hand, may_retry=False)
            self._escalate()
        slot.settle(in_hand, may_retry=not suspended)
        if suspended:
            slot.suspend()
            self._await_trial(slot)
        else:
            slot.state = State.RESTARTING
        others = [other for other in self._concerned(slot) if other is not slot]
        self._halt(others, for_good=False)
        if not suspended or others:
            self._restart_later(slot, tell=not suspended)

    def _may_restart(self) -> bool:
        """Tell whether one more failure is within the restart intensity."""
        self._window = self._window.add(self._slot.runtime.clock())
        return not self._window.exceeded

    def _escalate(self) -> None:
        self._notify(Escalated(self.path, self._spec.intensity, self._spec.period_s))
        self._halt(self._slot.children, for_good=False)
        raise SupervisionError(
            f"{self.path}: more than {self._spec.intensity} failures in {self._spec.period_s:g} s"
        )

    def _concerned(self, slot: Slot) -> Sequence[Slot]:
        """Those whom the failure of one child concerns, in the order of their start."""
        children = self._slot.children
        match self._spec.strategy:
            case Strategy.ONE_FOR_ONE:
                return (slot,)
            case Strategy.ONE_FOR_ALL:
                return children
            case Strategy.REST_FOR_ONE:
                return children[children.index(slot) :]

    def _restart_later(self, slot: Slot, *, tell: bool = True) -> None:
        delay_s = self._spec.backoff.delay(slot.attempt, self._slot.runtime.random)
        if tell:
            self._notify(ChildRestarting(slot.path, slot.attempt, delay_s))
        slot.attempt += 1
        due = RestartDue(slot)
        timer: Timer | None = None
        self._forget_backoff(self._backoff_key(slot))
        if delay_s > 0:
            timer = self._life.after(delay_s, lambda: self._urgent(due))
        else:
            self._urgent(due)
        self._backoffs[self._backoff_key(slot)] = (due, timer)

    def _restart_due(self, slot: Slot, due: RestartDue) -> None:
        key = self._backoff_key(slot)
        current = self._backoffs.get(key)
        if current is None or current[0] is not due:
            return
        del self._backoffs[key]
        for each in self._concerned(slot):
            if each.state is State.RESTARTING and not self._start_or_recover(each):
                return

    # -- breakers

    def _await_trial(self, slot: Slot) -> None:
        assert slot.guard is not None
        self._forget_trial(slot)
        due = TrialDue(slot)
        self._trials[slot] = self._life.after(slot.guard.retry_in_s, lambda: self._urgent(due))

    def _trial_due(self, slot: Slot) -> None:
        """Start it for its trials; the siblings stay as they are (`_recover`)."""
        self._trials.pop(slot, None)
        if slot.state is not State.SUSPENDED or slot.guard is None:
            return
        if not slot.guard.begin_trials():
            self._await_trial(slot)  # the timer was early by a hair
            return
        slot.begin_trials()
        self._start_or_recover(slot)

    def _restart_ordered(self, slot: Slot) -> None:
        """Its breaker is closed, too: whoever orders this has mended something."""
        self._halt(self._concerned(slot), for_good=False)
        if slot.guard is not None:
            slot.guard.reset("a restart was ordered")
            slot.end_trials()
        self._forget_trial(slot)
        slot.state = State.RESTARTING
        for each in self._concerned(slot):
            if each.state is State.RESTARTING and not self._start_or_recover(each):
                return

    def _start_or_recover(self, slot: Slot) -> bool:
        try:
            self._start_child(slot)
        except StartFailed:
            # Counted and delayed like any other failure. Those before it keep running, or not, as
            # the strategy says.
            if not self._life.stop_ordered:
                self._recover(slot, None)
            return False
        return True

    def _forget_trial(self, slot: Slot) -> None:
        timer = self._trials.pop(slot, None)
        if timer is not None:
            timer.cancel()

    # -- backoffs

    def _backoff_key(self, slot: Slot) -> Slot | None:
        """Children that go together wait together."""
        return slot if self._spec.strategy is Strategy.ONE_FOR_ONE else None

    def _forget_backoff(self, key: Slot | None) -> None:
        _due, timer = self._backoffs.pop(key, (None, None))
        if timer is not None:
            timer.cancel()

    # -- starting and stopping

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
            self._notify(ChildStarted(slot.path))
            return
        if self._life.stop_ordered:
            # on_stop ends it in good order; on_start of the whole does the same.
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

    def _halt(self, slots: Sequence[Slot], *, for_good: bool) -> None:
        """Stop these children, the last one first."""
        for slot in reversed(slots):
            self._forget_backoff(self._backoff_key(slot))
            if for_good:
                self._forget_trial(slot)
            elif slot.state is State.SUSPENDED:
                continue
            runs = slot.life is not None
            if slot.life is not None:
                self._stop_child(slot, slot.life, for_good=for_good)
            if for_good or (runs and slot.spec.restart is Restart.TEMPORARY):
                slot.close(State.STOPPED)
            elif slot.spec.restart is not Restart.TEMPORARY:
                slot.state = State.RESTARTING

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
            if life is None or life.busy_since is None or not isinstance(slot.spec, ChildSpec):
                continue
            deadline_s = slot.spec.handler_deadline_s
            if slot.on_trial and slot.guard is not None and slot.guard.expire():
                life.kill("hang", SupervisionError("a trial message took too long"))
            elif deadline_s is not None and now - life.busy_since > deadline_s:
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
