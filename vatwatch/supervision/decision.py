"""What a supervisor decides: a state and an event go in, a new state and orders come out. Pure.

The law that all of this serves:

    In the end every wanted permanent child runs, or its breaker is open and the time of its next
    trial is known; none that is not wanted runs; nobody runs twice; a healthy child is disturbed
    only by its strategy, or by no longer being wanted.

How it is kept:

- The next step of a child is part of its state (`Phase`), not of a message or a timer that could
  get lost. A child that must be started is READY until it has been started. One that waits for its
  backoff or its breaker has the time in `due_at`. Timers are made from the state.
- At most one child is started or stopped at a time. First the last LEAVING child is stopped; only
  when none is left, the first READY child is started. So children stop in reverse and start in
  order in every situation.
- While a child waits, the siblings that its strategy starts after it wait, too: with `rest_for_one`
  the later ones, as in OTP, with `one_for_all` all. No sibling waits for a suspended child.
- A child with a breaker never makes its supervisor fail: it is suspended and tried again. A trial
  that fails concerns the child alone, for its siblings were started without it.
- An ordered restart ends the wait of all siblings that restart with the child or must run before
  it.
- A child that is not wanted is stopped like any other, and is on STANDBY then: nobody waits for it,
  no strategy and no order starts it, and its past is forgotten. When it is wanted again it is READY
  at once, whatever its breaker was; its siblings stay as they are.

`supervisors.py` carries out the orders and reports their outcome as the next events.

OTP's `supervisor.erl` is the model for the words, the strategies, the restart intensity, the order
of starting and stopping, and for a first start that fails as a whole. Backoffs and breakers are not
from OTP: there a child is restarted at once, and after too many failures its supervisor fails.
Decision 0007 says why this is different here.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from typing import assert_never

from vatwatch.counting import counted
from vatwatch.supervision.breaker import Breaker, BreakerState
from vatwatch.supervision.child_events import (
    Begin,
    ChildEvent,
    Ended,
    Finish,
    NotStarted,
    RestartRequested,
    Started,
    StartInterrupted,
    Stopped,
    TimeCome,
    WantsChanged,
)
from vatwatch.supervision.group import Child, Group, Mode, Phase
from vatwatch.supervision.orders import (
    Close,
    Delay,
    Escalate,
    GiveUp,
    Order,
    RefuseToStart,
    Release,
    Report,
    Reset,
    StandBy,
    StandReady,
    Start,
    Stop,
    Suspend,
    TellStopped,
    Try,
)
from vatwatch.supervision.vocabulary import Restart

# Why a breaker is closed by order, for people.
RESTARTED = "a restart was ordered"
NOT_WANTED = "it is on standby"
WANTED_AGAIN = "it is wanted again"


def decide(
    group: Group, event: ChildEvent, now: float, random: Callable[[], float]
) -> tuple[Group, tuple[Order, ...]]:
    """Decide what follows from the event.

    Args:
        group: the state, with the breakers as they are now
        event: what has happened
        now: seconds on the clock of the breakers; it never goes back
        random: draws from [0, 1), for the jitter of backoffs

    Returns:
        the next state, which the caller must keep, and orders, which it must carry out in sequence.
        `Start` and `Stop` come last, and one at a time: their outcome is the next event. Without
        either of them the supervisor waits, for a message or for a time in `due_at`
    """
    turn = _Turn(group, now, random)
    match event:
        case Begin(first, ordered, unwanted):
            turn.begin(first=first, ordered=ordered, unwanted=unwanted)
        case Ended(child, normal, reason):
            turn.ended(child, reason, normal=normal)
        case TimeCome(child):
            turn.due(child)
        case RestartRequested(child):
            turn.restart_requested(child)
        case WantsChanged(child, wanted):
            turn.wants_changed(child, wanted=wanted)
        case Finish(for_good):
            turn.finish(for_good=for_good)
        case Started(child):
            turn.change(child, phase=Phase.RUNNING, started_at=now)
        case NotStarted(child, reason):
            turn.not_started(child, reason)
        case StartInterrupted(child, runs, for_good):
            turn.interrupted(child, runs=runs, for_good=for_good)
        case Stopped(child):
            turn.stopped(child)
        case _:
            assert_never(event)
    turn.go_on()
    return turn.group, tuple(turn.orders)


class _Turn:
    """One decision in the making."""

    def __init__(self, group: Group, now: float, random: Callable[[], float]) -> None:
        self.group = group
        self.orders: list[Order] = []
        self._now = now
        self._random = random

    def change(self, child: int, **changes: object) -> None:
        """Change a child. A new phase also ends the wait for `due_at`."""
        if "phase" in changes:
            changes.setdefault("due_at", None)
        children = list(self.group.children)
        children[child] = replace(children[child], **changes)  # type: ignore[arg-type]
        self.group = replace(self.group, children=tuple(children))

    # -- events

    def begin(self, *, first: bool, ordered: Iterable[int], unwanted: Container[int]) -> None:
        """Start all that are wanted, but if their breaker is open they wait for their trial."""
        fresh = replace(self.group.window, restarts=())
        self.group = replace(
            self.group, window=fresh, mode=Mode.BEGINNING, first=first, for_good=False
        )
        for child, known in enumerate(self.group.children):
            if child in unwanted:
                self._stand_by(child)
            elif not known.wanted:
                self._stand_ready(child)
            else:
                self._be_ready(child)
        for child in ordered:
            if self.group.children[child].wanted:
                self._start_afresh(child, RESTARTED)
                self.change(child, phase=Phase.READY)

    def ended(self, child: int, reason: str, *, normal: bool) -> None:
        known = self.group.children[child]
        if known.phase is not Phase.RUNNING:
            # It was killed before and has died only now; what follows was decided then.
            comes_back = known.phase in (Phase.READY, Phase.WAITING)
            self.orders.append(Release(child, retry=comes_back))
            return
        if self._now - known.started_at >= self.group.window.period_s:
            self.change(child, attempt=0)
        if normal and known.restart is not Restart.PERMANENT:
            self.orders += [
                Release(child, retry=False),
                Close(child, failed=False),
                TellStopped(child),
            ]
            self.change(child, phase=Phase.DOWN)
            return
        self.orders.append(Report(child))
        if known.restart is Restart.TEMPORARY:
            self._fail_for_good(child)
            return
        self._recover(child, reason)

    def not_started(self, child: int, reason: str) -> None:
        """A failed start during the first start fails the supervisor, as in OTP, which then reports
        the reason. But once the supervisor has run, a child with a breaker is suspended as at any
        other time.
        """
        group = self.group
        has_breaker = group.children[child].breaker is not None
        if group.mode is Mode.BEGINNING and (group.first or not has_breaker):
            self._stop_children(Mode.NOT_BEGUN)
            self._be_ready(child)
        elif group.children[child].restart is Restart.TEMPORARY:
            self._fail_for_good(child)
        else:
            self._recover(child, reason)

    def interrupted(self, child: int, *, runs: bool, for_good: bool) -> None:
        begun = self.group.mode is not Mode.BEGINNING
        self.change(child, phase=Phase.RUNNING if runs else Phase.READY)
        self.group = replace(self.group, for_good=for_good)
        self._stop_children(Mode.ENDING if begun else Mode.NOT_BEGUN)

    def due(self, child: int) -> None:
        known = self.group.children[child]
        if known.phase is Phase.WAITING:
            self.change(child, phase=Phase.READY)
        elif known.phase is Phase.SUSPENDED and (
            known.breaker is None or known.breaker.retry_in_s(self._now) <= 0
        ):
            # Else the timer came slightly early: the phase and its time stay.
            self.change(child, phase=Phase.READY)

    def restart_requested(self, child: int) -> None:
        """Waiting siblings that must run before the child are started now, too."""
        if self.group.mode is not Mode.WORKING or not self.group.children[child].wanted:
            return  # all are stopped anyway, or it is no longer wanted
        for other in self.group.waited_for_by(child):
            self.change(other, phase=Phase.READY)
        self._start_afresh(child, RESTARTED)
        for other in self.group.affected_by(child):
            self._go_along(other, comes_back=other == child)
        if self.group.children[child].phase is not Phase.LEAVING:
            self.change(child, phase=Phase.READY)

    def wants_changed(self, child: int, *, wanted: bool) -> None:
        """Stop the child, or start it in its turn. Its siblings stay as they are."""
        known = self.group.children[child]
        if known.wanted is wanted:
            return
        self.change(child, wanted=wanted)
        if self.group.mode not in (Mode.BEGINNING, Mode.WORKING):
            return  # all are stopped anyway; the successor is told who is wanted then
        if not wanted and known.phase is Phase.RUNNING:
            self.change(child, phase=Phase.LEAVING)
        elif not wanted and known.phase is not Phase.LEAVING:
            self._stand_by(child)
        elif known.phase is Phase.STANDBY:
            self._stand_ready(child)
        else:  # it is LEAVING: it is stopped, and then started
            self._start_afresh(child, WANTED_AGAIN)
            self.change(child, comes_back=True)

    def finish(self, *, for_good: bool) -> None:
        self.group = replace(self.group, for_good=for_good)
        self._stop_children(Mode.ENDING)

    def stopped(self, child: int) -> None:
        known = self.group.children[child]
        if self.group.for_good or (known.wanted and not known.comes_back):
            self.orders.append(Close(child, failed=False))
            self.change(child, phase=Phase.DOWN)
        elif not known.wanted:
            self._stand_by(child)
        else:
            self._be_ready(child)

    # -- what follows

    def go_on(self) -> None:
        """Stop or start the next child. None is started while another must be stopped."""
        group = self.group
        leaving = [i for i, known in enumerate(group.children) if known.phase is Phase.LEAVING]
        if leaving:
            unwanted = not group.children[leaving[-1]].wanted
            self.orders.append(Stop(leaving[-1], group.for_good or unwanted))
        elif group.mode is Mode.GIVING_UP:
            self.orders.append(GiveUp())
        elif group.mode is Mode.NOT_BEGUN:
            self.orders.append(RefuseToStart())
        elif group.mode is not Mode.ENDING:
            self._start_next()

    def _start_next(self) -> None:
        ready = [i for i, known in enumerate(self.group.children) if known.phase is Phase.READY]
        child = next((i for i in ready if not self.group.waited_for_by(i)), None)
        if child is None:
            self.group = replace(self.group, mode=Mode.WORKING)
            return
        breaker = self.group.children[child].breaker
        if breaker is not None and breaker.state is not BreakerState.CLOSED:
            breaker = breaker.half_open(self._now).restart_trials()
            self.change(child, breaker=breaker)
            self.orders.append(Try(child, breaker))
        self.orders.append(Start(child))

    def _recover(self, child: int, reason: str) -> None:
        """Restart the failed child, with the siblings that go with it; or give up."""
        known = self.group.children[child]
        if known.breaker is None:
            self.group = replace(self.group, window=self.group.window.add(self._now))
            if self.group.window.exceeded:
                self.orders += [Release(child, retry=False), Escalate()]
                self.change(child, phase=Phase.READY)
                self._stop_children(Mode.GIVING_UP)
                return
            suspended = False
        else:
            suspended = self._opens(child, known, known.breaker, reason)
        if not suspended:
            self.orders.append(Release(child, retry=True))
            self._delay(child)
        if known.on_trial:
            return
        for other in self.group.affected_by(child):
            if other != child:
                self._go_along(other, waits_no_longer=not suspended)

    def _fail_for_good(self, child: int) -> None:
        self.orders += [Release(child, retry=False), Close(child, failed=True)]
        self.change(child, phase=Phase.FAILED)

    def _opens(self, child: int, known: Child, breaker: Breaker, reason: str) -> bool:
        """Count one more failure. If the breaker opens, suspend the child and return True."""
        failing = known.failing.add(self._now)
        if known.on_trial:
            reason = f"a trial failed: {reason}"
        elif failing.exceeded:
            reason = (
                f"over {counted(failing.intensity, 'failure')} in {failing.period_s:g} s: {reason}"
            )
        else:
            self.change(child, failing=failing)
            return False
        self.change(child, failing=replace(failing, restarts=()), breaker=breaker.trip(self._now))
        self.orders.append(Release(child, retry=False))
        self._suspend(child, reason)
        return True

    def _suspend(self, child: int, reason: str = "") -> None:
        breaker = self.group.children[child].breaker
        assert breaker is not None
        self.change(child, phase=Phase.SUSPENDED, due_at=breaker.opened_at + breaker.timeout_s)
        self.orders.append(Suspend(child, breaker, reason))

    def _delay(self, child: int) -> None:
        attempt = self.group.children[child].attempt
        delay_s = self.group.backoff.delay(attempt, self._random)
        self.change(child, phase=Phase.WAITING, due_at=self._now + delay_s, attempt=attempt + 1)
        self.orders.append(Delay(child, attempt, delay_s))

    def _go_along(
        self, child: int, *, comes_back: bool = False, waits_no_longer: bool = True
    ) -> None:
        """Restart this child with its sibling, unless it is down for its own reasons."""
        known = self.group.children[child]
        temporary = known.restart is Restart.TEMPORARY and not comes_back
        match known.phase:
            case Phase.RUNNING | Phase.LEAVING:
                self.change(child, phase=Phase.LEAVING, comes_back=not temporary)
            case Phase.WAITING if waits_no_longer:
                self.change(child, phase=Phase.READY)
            case Phase.DOWN if not temporary:
                self.change(child, phase=Phase.READY)
            case _:
                pass

    def _stop_children(self, mode: Mode) -> None:
        self.group = replace(self.group, mode=mode)
        for child, known in enumerate(self.group.children):
            if known.phase in (Phase.RUNNING, Phase.LEAVING):
                # The supervisor's successor, if there is one, starts all of them.
                self.change(child, phase=Phase.LEAVING, comes_back=True)
            elif self.group.for_good:
                self.orders.append(Close(child, failed=False))
                self.change(child, phase=Phase.DOWN)

    def _be_ready(self, child: int) -> None:
        """The child's phase: start next, or wait until its breaker allows it."""
        breaker = self.group.children[child].breaker
        if breaker is not None and breaker.state is BreakerState.OPEN:
            self._suspend(child)
        else:
            self.change(child, phase=Phase.READY)

    def _stand_by(self, child: int) -> None:
        """Nobody runs there. When it is wanted again, its past is not to delay it."""
        self._start_afresh(child, NOT_WANTED)
        self.change(child, phase=Phase.STANDBY, wanted=False, comes_back=True)
        self.orders.append(StandBy(child))

    def _stand_ready(self, child: int) -> None:
        self.change(child, wanted=True)
        self.orders.append(StandReady(child))
        self._be_ready(child)

    def _start_afresh(self, child: int, reason: str) -> None:
        """Reset the counts: what was ordered means that the failures before it matter no more."""
        known = self.group.children[child]
        self.change(child, attempt=0, failing=replace(known.failing, restarts=()))
        if known.breaker is not None and known.on_trial:
            breaker = known.breaker.reset()
            self.change(child, breaker=breaker)
            self.orders.append(Reset(child, breaker, reason))
