"""Actors and messages for tests, and ways to wait for what happens without sleeping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import gevent
from gevent.event import Event

from vatwatch.supervision import (
    Actor,
    Ask,
    Backoff,
    ChildSpec,
    Notice,
    Strategy,
    SupervisorSpec,
    Tell,
    Tree,
    supervisor,
    worker,
)

N = TypeVar("N")

# Far more than anything takes; a test that gets here has failed.
PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Note(Tell):
    """Put this into the log."""

    text: str


@dataclass(frozen=True, slots=True)
class Fail(Tell):
    """Raise this error."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class FailOnce(Tell):
    """Raise, but not when it comes again."""

    text: str
    tries: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hang(Tell):
    """Wait until the gate opens; say when waiting."""

    gate: Event = field(default_factory=Event)
    reached: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class StopYourself(Tell):
    """Stop, as if the work were done."""


@dataclass(frozen=True, slots=True)
class Do(Tell):
    """Call this with the actor."""

    fn: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Echo(Ask[str]):
    text: str


@dataclass(frozen=True, slots=True)
class FailToAnswer(Ask[str]):
    error: BaseException


@dataclass(frozen=True, slots=True)
class HangAnswer(Ask[str]):
    gate: Event = field(default_factory=Event)
    reached: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class Compute(Ask[Any]):
    """Answer with what this gives, called with the actor."""

    fn: Callable[[Any], Any]


class Scribe(Actor):
    """Does as it is told, and writes into a log that outlives it: "a started", "a: hello"."""

    def __init__(self, log: list[str], start: Callable[[Scribe], None] | None = None) -> None:
        super().__init__()
        self.log = log
        self.start_hook = start

    def on_start(self) -> None:
        if self.start_hook is not None:
            self.start_hook(self)
        self.log.append(f"{self.name} started")

    def on_stop(self) -> None:
        self.log.append(f"{self.name} stopped")

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self.log.append(f"{self.name} crashed: {type(error).__name__} {type(in_hand).__name__}")

    def on_receive(self, message: Any) -> Any:
        match message:
            case Note(text):
                self.log.append(f"{self.name}: {text}")
            case Fail(error) | FailToAnswer(error):
                raise error
            case FailOnce(text, tries):
                tries.append(1)
                if len(tries) == 1:
                    raise RuntimeError(text)
                self.log.append(f"{self.name}: {text}")
            case Hang(gate, reached) | HangAnswer(gate, reached):
                reached.set()
                gate.wait()
                self.log.append(f"{self.name} let go")
                return "let go"
            case StopYourself():
                self.stop()
            case Do(fn) | Compute(fn):
                return fn(self)
            case Echo(text):
                return f"{self.name}: {text}"
            case _:
                return super().on_receive(message)
        return None


class Notices:
    """All notices of a tree, and a way to wait for one."""

    def __init__(self, tree: Tree) -> None:
        self.all: list[Notice] = []
        self._news = Event()
        tree.observe(self._note)

    def _note(self, notice: Notice) -> None:
        self.all.append(notice)
        self._news.set()

    def of(self, kind: type[N]) -> list[N]:
        return [notice for notice in self.all if isinstance(notice, kind)]

    def wait(self, kind: type[N], path: str | None = None, count: int = 1) -> N:
        """The `count`-th notice of this kind and path."""

        def found() -> list[N]:
            return [n for n in self.of(kind) if path is None or getattr(n, "path", None) == path]

        with gevent.Timeout(PATIENCE_S, AssertionError(f"no {kind.__name__} in {self.all}")):
            while len(found()) < count:
                self._news.clear()
                self._news.wait()
        return found()[count - 1]


def scribe(name: str, log: list[str], start: Any = None, **options: Any) -> ChildSpec:
    # The breakers have tests of their own; what escalates is tested without them.
    options.setdefault("breaker", None)
    return worker(name, Scribe, log, start, **options)


def root(
    *children: ChildSpec | SupervisorSpec,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    name: str = "root",
    **options: Any,
) -> SupervisorSpec:
    return supervisor(
        name, strategy, backoff=options.pop("backoff", Backoff.none()), children=children, **options
    )


@contextmanager
def running(spec: SupervisorSpec, **options: Any) -> Iterator[tuple[Tree, Notices]]:
    """A tree that runs, and its notices; stopped at the end."""
    tree = Tree(spec, **options)
    notices = Notices(tree)
    tree.start()
    try:
        yield tree, notices
    finally:
        tree.stop(PATIENCE_S)


def node(tree: Tree, name: str) -> Any:
    return next(info for info in tree.snapshot().walk() if info.name == name)


def wait_until_handled(tree: Tree, name: str) -> str:
    """Wait until the actor has handled all that was sent to it so far."""
    return tree.directory.address(name).ask(Echo("settled"), timeout_s=PATIENCE_S)
