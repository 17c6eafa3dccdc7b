from __future__ import annotations

import subprocess
import sys

import gevent
import pytest
from gevent import monkey
from gevent.event import Event

from vatwatch.errors import AskTimeout, SupervisionError
from vatwatch.supervision import NativePool, give_way
from vatwatch.supervision.offload import SWITCH_INTERVAL_S

from .helpers import PATIENCE_S


class NativeGate:
    """An event between native threads, whatever gevent has patched."""

    def __init__(self) -> None:
        self._lock = monkey.get_original("_thread", "allocate_lock")()
        self._lock.acquire()

    def open(self) -> None:
        self._lock.release()

    def wait(self) -> None:
        self._lock.acquire()
        self._lock.release()


@pytest.fixture
def pool() -> NativePool:
    return NativePool(2, "test")


def test_function_runs_in_another_native_thread(pool: NativePool) -> None:
    native_id = monkey.get_original("threading", "get_ident")
    assert pool.run(native_id) != native_id()
    assert pool.run(divmod, 7, 2) == (3, 1)
    assert pool.close()


def test_hub_goes_on_meanwhile(pool: NativePool) -> None:
    gate = NativeGate()
    running = gevent.spawn(pool.run, gate.wait)
    gevent.idle()
    assert not running.ready()
    gate.open()
    running.get(timeout=PATIENCE_S)
    assert pool.close()


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(1)])
def test_error_is_raised_in_the_caller_and_printed_nowhere(
    pool: NativePool, error: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise error

    with pytest.raises(type(error)):
        pool.run(fails)
    assert pool.close()
    assert capfd.readouterr().err == ""


def test_deadline_frees_the_caller_only(pool: NativePool) -> None:
    gate, ended = NativeGate(), Event()
    hub = gevent.get_hub()
    begun: list[int] = []

    def slow() -> None:
        begun.append(1)
        gate.wait()
        hub.loop.run_callback_threadsafe(ended.set)

    # On a busy machine the time may be up before a thread takes the call; then it never begins.
    while not begun:
        with pytest.raises(AskTimeout, match="test"):
            pool.run(slow, timeout_s=0.01)
    assert not ended.is_set()
    gate.open()
    assert ended.wait(PATIENCE_S)
    assert pool.close()


def test_call_given_up_before_it_had_a_thread_never_begins() -> None:
    pool = NativePool(1, "test")
    gate = NativeGate()
    begun: list[int] = []
    busy = gevent.spawn(pool.run, gate.wait)
    gevent.idle()
    for number in range(3):
        with pytest.raises(AskTimeout):
            pool.run(begun.append, number, timeout_s=0.001)
    gate.open()
    busy.get(timeout=PATIENCE_S)
    assert pool.run(lambda: "next") == "next"
    assert not begun
    assert pool.close()


def test_callers_killed_at_any_point_cost_no_thread() -> None:
    pool = NativePool(1, "test")
    for _ in range(10):
        gate = NativeGate()
        callers = [gevent.spawn(pool.run, gate.wait)]
        gevent.idle()
        callers += [gevent.spawn(pool.run, len, "abc") for _ in range(3)]
        gevent.idle()
        gevent.killall(callers, timeout=PATIENCE_S)
        gate.open()
    assert pool.run(len, "abc", timeout_s=PATIENCE_S) == 3
    assert pool.close()


def test_timeout_of_the_caller_passes_through(pool: NativePool) -> None:
    gate = NativeGate()
    outer = gevent.Timeout(0.001)
    with pytest.raises(gevent.Timeout) as caught, outer:
        pool.run(gate.wait, timeout_s=PATIENCE_S)
    assert caught.value is outer
    gate.open()
    assert pool.close()


def test_closed_pool_says_so(pool: NativePool) -> None:
    pool.close()
    with pytest.raises(SupervisionError, match="closed"):
        pool.run(len, "abc")


def test_close_does_not_wait_for_ever(pool: NativePool) -> None:
    gate = NativeGate()
    running = gevent.spawn(pool.run, gate.wait)
    gevent.idle()
    assert not pool.close(timeout_s=0.01)
    gate.open()
    running.get(timeout=PATIENCE_S)


def test_the_interpreter_is_set_at_the_entry_of_the_process_and_by_no_pool() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0042)
    try:
        assert NativePool(1, "test").close()
        assert sys.getswitchinterval() == pytest.approx(0.0042)
    finally:
        sys.setswitchinterval(before)
    # As the service is started; what it forks, which are gunicorn's workers, keeps it.
    told = subprocess.run(
        [sys.executable, "-c", _TELLS_INTERVALS], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [str(SWITCH_INTERVAL_S)] * 2


_TELLS_INTERVALS = """
import vatwatch.__main__
import os, sys
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
print(round(sys.getswitchinterval(), 6), flush=True)
if not pid:
    os._exit(0)
"""


# --- what a pool owns -----------------------------------------------------------------------------


def test_no_call_of_an_owner_begins_while_one_of_the_owner_before_runs() -> None:
    gate = NativeGate()
    log: list[str] = []

    def slow() -> None:
        gate.wait()
        log.append("slow ends")

    killed = NativePool(1, "test", owns="the file", release=lambda: log.append("released"))
    caller = gevent.spawn(killed.run, slow)
    other = NativePool(1, "test", owns="another file")
    until_begun(killed)
    caller.kill()
    assert not killed.close(timeout_s=0)

    successor = NativePool(1, "test", owns="the file")
    with pytest.raises(AskTimeout):
        successor.run(log.append, "too early", timeout_s=0.05)
    other.run(log.append, "nobody's business", timeout_s=PATIENCE_S)
    waiting = gevent.spawn(successor.run, log.append, "successor")
    gevent.idle()
    gate.open()
    waiting.get(timeout=PATIENCE_S)
    assert log == ["nobody's business", "slow ends", "released", "successor"]
    assert successor.close()
    assert other.close()


def test_release_is_called_once_when_the_last_call_has_ended() -> None:
    gate = NativeGate()
    released: list[int] = []
    pool = NativePool(1, "test", owns="the file", release=lambda: released.append(1))
    caller = gevent.spawn(pool.run, gate.wait)
    until_begun(pool)
    for _ in range(3):
        assert not pool.close(timeout_s=0)
    assert not released
    gate.open()
    caller.get(timeout=PATIENCE_S)
    assert pool.close(PATIENCE_S)
    assert pool.close()
    assert released == [1]


def test_an_owner_waits_for_all_that_owned_before_it() -> None:
    gates = [NativeGate() for _ in range(3)]
    for gate in gates:
        pool = NativePool(1, "test", owns="the file")
        pool._before = []  # as if it had begun before the one before it hung
        gevent.spawn(pool.run, gate.wait)
        until_begun(pool)
        pool.close(timeout_s=0)
    last = NativePool(1, "test", owns="the file")
    waiting = gevent.spawn(last.run, len, "abc")
    for gate in gates:
        gevent.idle()
        assert not waiting.ready()
        gate.open()
    assert waiting.get(timeout=PATIENCE_S) == 3
    assert last.close()


def test_an_owner_that_was_stopped_in_order_delays_no_successor() -> None:
    for _ in range(3):
        pool = NativePool(1, "test", owns="the file")
        assert pool.run(len, "abc", timeout_s=PATIENCE_S) == 3
        assert pool.close()
    unused = NativePool(1, "test", owns="the file")
    assert NativePool(1, "test", owns="the file").run(len, "abc", timeout_s=PATIENCE_S) == 3
    assert unused.close()


def until_begun(pool: NativePool) -> None:
    """Until the pool's only thread has taken its call."""
    while not pool._threads.task_queue.unfinished_tasks or pool._threads.task_queue.qsize():
        gevent.sleep(0.001)


def test_give_way_lets_a_due_timer_fire() -> None:
    fired: list[int] = []
    timer = gevent.get_hub().loop.timer(0.0)
    timer.start(fired.append, 1)
    for _ in range(3):
        give_way()
    timer.close()
    assert fired
