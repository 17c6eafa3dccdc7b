"""Benchmark: the actor runtime against bare pykka on a minimal gevent runtime, in the same run.

    python -m benchmarks.runtime [--messages N] [--asks N] [--crashes N]

Each pair is measured in turns, many times, in processor time, so that other programs disturb it
less; the ratio is the median of the ratios of neighbours. `tell` is N tells, sent and handled; both
mailboxes have room for all. `ask` waits for each answer, with a timeout on both sides. The last
line crashes an actor that has 10,000 messages queued, again and again, and takes the time, by the
clock on the wall, from the failure to the next message handled.
"""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
import pykka
from gevent.event import Event
from gevent.queue import SimpleQueue

from vatwatch.supervision import Actor, Ask, Backoff, Reply, Tell, Tree, supervisor, worker

ROUNDS = 15
QUEUED = 10_000


@dataclass(frozen=True, slots=True)
class Count(Tell):
    """Count me; set the event at the last."""

    number: int


@dataclass(frozen=True, slots=True)
class Echo(Ask[int]):
    """Give the number back."""

    number: int


@dataclass(frozen=True, slots=True)
class Crash(Tell):
    """Raise."""


class BareActor(pykka.Actor):
    """Pykka's own loop in a greenlet, with our future: no bound, no supervisor, no counts."""

    def __init__(self, last: int, done: Event) -> None:
        super().__init__()
        self.last, self.done = last, done

    @staticmethod
    def _create_actor_inbox() -> Any:
        return SimpleQueue()

    @staticmethod
    def _create_future() -> Reply[Any]:
        return Reply()

    def _start_actor_loop(self) -> None:
        gevent.spawn(self._actor_loop)

    def on_receive(self, message: Any) -> Any:
        """As `SupervisedActor`'s."""
        if isinstance(message, Echo):
            return message.number
        if message.number == self.last:
            self.done.set()
        return None


class SupervisedActor(Actor):
    """The same work on our runtime."""

    def __init__(self, last: int, done: Event) -> None:
        super().__init__()
        self.last, self.done = last, done

    def on_receive(self, message: Count | Echo) -> int | None:
        """Echo, or count."""
        if isinstance(message, Echo):
            return message.number
        if message.number == self.last:
            self.done.set()
        return None


class CrashingActor(Actor):
    """Notes when it fails, and how long the next message took from there."""

    def __init__(self, seen: list[int], waits_s: list[float], done: Event) -> None:
        super().__init__()
        self.seen, self.waits_s, self.done = seen, waits_s, done

    # Of the class: it is to outlive the actor.
    crashed_at = 0.0

    def on_receive(self, message: Count | Crash) -> None:
        """Fail, or count."""
        if not isinstance(message, Count):
            CrashingActor.crashed_at = time.perf_counter()
            raise RuntimeError("crash")  # noqa: TRY004 - an error like any other
        if CrashingActor.crashed_at:
            self.waits_s.append(time.perf_counter() - CrashingActor.crashed_at)
            CrashingActor.crashed_at = 0.0
        self.seen.append(message.number)
        if message.number == QUEUED - 1:
            self.done.set()


def one_worker(actor_class: type[Actor], *args: Any, mailbox: int, intensity: int = 5) -> Tree:
    """A tree of one worker, "subject"."""
    child = worker("subject", actor_class, *args, mailbox=mailbox)
    return Tree(supervisor("root", intensity=intensity, backoff=Backoff.none(), children=[child]))


def rate(count: int, work: Callable[[], None]) -> float:
    """How many a second of processor time; nothing here waits for anything but the processor."""
    began = time.process_time()
    work()
    return count / (time.process_time() - began)


def measure_bare(messages: int, asks: int) -> tuple[float, float]:
    """Tells and asks a second of a bare pykka actor."""
    done = Event()
    ref = BareActor.start(messages - 1, done)
    batch = [Count(number) for number in range(messages)]

    def tell_all() -> None:
        for message in batch:
            ref.tell(message)
        done.wait()

    def ask_all() -> None:
        for number in range(asks):
            ref.ask(Echo(number), timeout=5.0)

    rates = rate(messages, tell_all), rate(asks, ask_all)
    ref.stop()
    return rates


def measure_supervised(messages: int, asks: int) -> tuple[float, float]:
    """Tells and asks a second of a supervised actor."""
    done = Event()
    tree = one_worker(SupervisedActor, messages - 1, done, mailbox=messages)
    tree.start()
    subject = tree.directory.address("subject")
    batch = [Count(number) for number in range(messages)]

    def tell_all() -> None:
        for message in batch:
            subject.tell(message)
        done.wait()

    def ask_all() -> None:
        for number in range(asks):
            subject.ask(Echo(number), timeout_s=5.0)

    rates = rate(messages, tell_all), rate(asks, ask_all)
    tree.stop()
    return rates


def measure_crashes(crashes: int) -> tuple[list[float], int]:
    """Seconds from each crash to the next message handled, and how many messages were lost."""
    seen: list[int] = []
    waits_s: list[float] = []
    done = Event()
    tree = one_worker(
        CrashingActor, seen, waits_s, done, mailbox=QUEUED + crashes, intensity=crashes
    )
    tree.start()
    subject = tree.directory.address("subject")
    # All of them are queued before the first is handled: nothing here waits.
    for number in range(QUEUED):
        if number % (QUEUED // crashes) == 0:
            subject.tell(Crash())
        subject.tell(Count(number))
    done.wait()
    tree.stop()
    return waits_s, QUEUED - len(set(seen))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--asks", type=int, default=20_000)
    parser.add_argument("--crashes", type=int, default=500)
    options = parser.parse_args()

    bare, supervised = [], []
    for _ in range(ROUNDS):
        bare.append(measure_bare(options.messages, options.asks))
        supervised.append(measure_supervised(options.messages, options.asks))
    print(f"{'':8}{'bare pykka':>14}{'vatwatch':>14}{'ratio':>8}")
    for column, name in enumerate(("tell/s", "ask/s")):
        before = [rates[column] for rates in bare]
        after = [rates[column] for rates in supervised]
        ratio = statistics.median(b / a for a, b in zip(before, after, strict=True))
        print(
            f"{name:8}{statistics.median(before):>14,.0f}{statistics.median(after):>14,.0f}"
            f"{ratio:>8.2f}"
        )

    waits_s, lost = measure_crashes(options.crashes)
    p99_s = statistics.quantiles(waits_s, n=100)[98]
    print(
        f"crash to next message, {QUEUED:,} queued, {len(waits_s)} crashes: "
        f"median {statistics.median(waits_s) * 1e6:,.0f} µs, p99 {p99_s * 1e6:,.0f} µs, {lost} lost"
    )


if __name__ == "__main__":
    main()
