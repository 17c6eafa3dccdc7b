"""Observers: callbacks that are told what happens in a tree, in order, without blocking it."""

from __future__ import annotations

import sys
import traceback
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from gevent import get_hub

from vatwatch.supervision.message import Tell
from vatwatch.supervision.notices import DeadLettered, Notice
from vatwatch.supervision.vocabulary import DeadLetterReason

Observer: TypeAlias = Callable[[Notice], None]


class Observers:
    """The observers of one tree. Use it in the tree's thread."""

    def __init__(self) -> None:
        self.dead_letters = 0
        """How many dead letters there have been."""
        self._observers: list[Observer] = []
        self._notices: deque[Notice] = deque()
        self._announcing = False
        self._scheduled = False

    def observe(self, callback: Observer) -> None:
        """Call `callback(notice)` for everything that happens from now on, in order.

        It runs in the hub, soon after the event, and must not block: a tell to a full mailbox
        raises `MailboxFull` at once. An error that it raises is printed to stderr. If a message
        that it sends becomes a dead letter, that is counted but not announced, or each dead letter
        would cause the next one.
        """
        self._observers.append(callback)

    def notify(self, notice: Notice) -> None:
        """For the runtime: announce a notice. Never blocks."""
        if not self._observers:
            return
        self._notices.append(notice)
        if not self._scheduled:
            self._scheduled = True
            get_hub().loop.run_callback(self._announce)

    def dead_letter(self, path: str, message: Tell, reason: DeadLetterReason) -> None:
        """For the runtime: count a message that nobody will handle, and announce it."""
        self.dead_letters += 1
        if not self._announcing:
            self.notify(DeadLettered(path, message, reason))

    def _announce(self) -> None:
        self._announcing = True
        try:
            while self._notices:
                notice = self._notices.popleft()
                for observer in self._observers:
                    self._tell_observer(observer, notice)
        finally:
            self._announcing = self._scheduled = False

    def _tell_observer(self, observer: Observer, notice: Notice) -> None:
        try:
            observer(notice)
        except Exception:  # noqa: BLE001 - one observer's bug must not cost the others the notice
            # Not by logging: its handlers may wait for a lock, and the hub cannot wait.
            sys.stderr.write(f"vatwatch: an observer failed at {notice!r}\n")
            traceback.print_exc()
