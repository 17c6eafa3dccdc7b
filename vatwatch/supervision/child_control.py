"""Child control: starts and stops one child of a supervisor at a time, and waits until it is done.

The supervisor says what is to be done (`supervisors.py`), this says how it went.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from gevent.event import Event

from vatwatch.errors import StartFailed, SupervisionError
from vatwatch.supervision.actor import Actor
from vatwatch.supervision.failures import described, text_of, traceback_of
from vatwatch.supervision.life import Exit, Life
from vatwatch.supervision.message import correlation_of
from vatwatch.supervision.notices import ChildFailed, ChildStopped
from vatwatch.supervision.slot import Slot
from vatwatch.supervision.spec import ChildSpec, SupervisorSpec
from vatwatch.supervision.vocabulary import ExitReason, FailureReason, State

# How long a killed actor may take to die. A greenlet dies as soon as it waits, so what takes longer
# catches the kill, or clears up for too long.
_KILL_GRACE_S = 5.0


class ChildControl:
    """For one supervisor, in its greenlet."""

    def __init__(
        self,
        path: str,
        life: Life,
        make_supervisor: Callable[[Slot, SupervisorSpec], Actor],
        when_ended: Callable[[Slot, Life], None],
    ) -> None:
        """For the supervisor at `path`, whose own life is `life`.

        Args:
            path: where the supervisor is in the tree
            life: the supervisor's; when that is ordered to stop, a start is not waited for
            make_supervisor: makes the actor of a child that is a supervisor
            when_ended: told when a child's life is over, in the hub; it must not block
        """
        self._path = path
        self._life = life
        self._make_supervisor = make_supervisor
        self._when_ended = when_ended
        self._changed = Event()

    def look_again(self) -> None:
        """Something has changed that may be waited for: look. Can be called from the hub."""
        self._changed.set()

    # -- starting

    def start(self, slot: Slot) -> None:
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
            self.report(slot, Exit("start", error, traceback_of(error)))
            raise _start_failed(slot, error) from error
        self._wait(lambda: life.started or life.dead, _start_s(slot), until_stop=True)
        if life.started:
            slot.running()
            return
        if self._life.stop_ordered:
            # It is stopped in good order, like those that run.
            raise StartFailed(f"{self._path}: told to stop while starting {slot.name}")
        if not life.dead:
            late = StartFailed(f"not started within {_start_s(slot)} s")
            if not self._kill(life, "start", late):
                self._refuse(slot)
        ended = exit_of(life)
        self.report(slot, ended)
        slot.settle(None, may_retry=False)
        raise _start_failed(slot, ended.error) from ended.error

    def _embody(self, slot: Slot) -> Life:
        """Make a new actor, give it the slot, and let it begin."""
        actor: object
        if isinstance(slot.spec, SupervisorSpec):
            actor = self._make_supervisor(slot, slot.spec)
        else:
            actor = slot.spec.actor_class(*slot.spec.args, **slot.spec.kwargs)
        if not isinstance(actor, Actor):
            raise TypeError(f"{slot.path}: {type(actor).__name__} is not an Actor")
        slot.life = life = Life(actor, slot, self._watch(slot))
        actor._bind(slot, life)
        actor._start_actor_loop()
        return life

    def _bury(self, slot: Slot) -> None:
        """See to it that the predecessor is dead; this supervisor's own may have left one dying."""
        life = slot.life
        if life is None:
            return
        # So far the supervisor before this one is told.
        life.watch = self._watch(slot)
        if not life.dead and not self._kill(life, "shutdown"):
            self._refuse(slot)
        slot.settle(exit_of(life).in_hand, may_retry=True)

    def _refuse(self, slot: Slot) -> NoReturn:
        """Fail to start a child whose predecessor lives on: two of it must never run."""
        error = StartFailed("the actor before it was killed and does not die")
        self.report(slot, Exit("start", error, traceback_of(error)))
        raise _start_failed(slot, error)

    # -- stopping

    def stop(self, slot: Slot, *, for_good: bool) -> None:
        """Stop one child and wait until it has ended; kill it if it takes too long.

        A child that does not die even then is reported, and keeps its slot.
        """
        life = slot.life
        if life is None:
            return
        slot.state = State.STOPPING
        life.order_stop(for_good=for_good)
        killed = not self._wait(lambda: life.dead, slot.spec.shutdown_s)
        if killed and not self._kill(life, "shutdown"):
            # The others are to be stopped all the same. It keeps its slot; nobody else gets that.
            self.report(slot, Exit("hang", SupervisionError("killed, and does not die")))
            return
        ended = exit_of(life)
        if ended.reason in ("crash", "hang"):
            self.report(slot, ended)
        slot.settle(ended.in_hand, may_retry=not for_good)
        slot.runtime.observers.notify(ChildStopped(slot.path, killed))

    def _kill(self, life: Life, reason: ExitReason, error: BaseException | None = None) -> bool:
        """Kill a child and wait until it is dead; False when it does not die."""
        life.kill(reason, error)
        return self._wait(lambda: life.dead, _KILL_GRACE_S)

    # -- waiting

    def _wait(
        self, done: Callable[[], bool], timeout_s: float | None, *, until_stop: bool = False
    ) -> bool:
        """Wait until `done`, for `timeout_s` at most, or until the supervisor is told to stop."""
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

    def _watch(self, slot: Slot) -> Callable[[Life], None]:
        """What a life of this child calls when it has started and when it is over, in the hub."""

        def watch(life: Life) -> None:
            self._changed.set()
            if not life.dead:
                return
            if slot.mailbox.closed and slot.life is life:
                # Given up together with the supervisor: nobody will ask how it ended.
                slot.settle(exit_of(life).in_hand, may_retry=False)
            else:
                self._when_ended(slot, life)

        return watch

    # -- telling

    def report(self, slot: Slot, ended: Exit) -> None:
        """A child failed: keep it in mind and tell the observers."""
        reason: FailureReason = "crash" if ended.reason == "shutdown" else ended.reason
        slot.failed(reason, ended.error, ended.traceback)
        in_hand = None if isinstance(slot.spec, SupervisorSpec) else ended.in_hand
        slot.runtime.observers.notify(
            ChildFailed(
                path=slot.path,
                reason=reason,
                message_type=None if in_hand is None else type(in_hand.message).__name__,
                correlation_id="" if in_hand is None else correlation_of(in_hand.message),
                **described(ended.error, ended.traceback),
            )
        )


def exit_of(life: Life) -> Exit:
    """How a life ended that is over."""
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
