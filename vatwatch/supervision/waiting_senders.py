"""Waiting senders: greenlets that wait for room in a full mailbox, first come, first served."""

from __future__ import annotations

from collections import deque

from gevent.hub import Hub, Waiter

from vatwatch.supervision.envelope import Envelope


class _Sender:
    __slots__ = ("envelope", "released", "waiter")

    def __init__(self, envelope: Envelope, waiter: Waiter[None]) -> None:
        self.envelope = envelope
        self.waiter = waiter
        self.released = False


class WaitingSenders:
    """The waiting senders of one mailbox. Use it in the thread of its hub."""

    __slots__ = ("_hub", "queue")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.queue: deque[_Sender] = deque()
        """Always the same deque: the mailbox checks whether it is empty."""

    def wait(self, envelope: Envelope, timeout_s: float) -> bool:
        """Wait, as the sender of `envelope`, for `timeout_s` seconds at most.

        Returns:
            whether the envelope was accepted, by `release_first` or `release_all`
        """
        sender = _Sender(envelope, Waiter(self._hub))
        self.queue.append(sender)
        timer = self._hub.loop.timer(max(timeout_s, 0.0))
        timer.start(sender.waiter.switch, None)
        try:
            sender.waiter.get()
        finally:
            # Also if the sender is killed: a message whose sender has gone is not sent.
            timer.close()
            if not sender.released:
                self.queue.remove(sender)
        return sender.released

    def release_first(self) -> Envelope:
        """Accept the first sender's message and let it continue. There must be one."""
        sender = self.queue.popleft()
        sender.released = True
        self._hub.loop.run_callback(sender.waiter.switch, None)
        return sender.envelope

    def release_all(self) -> list[Envelope]:
        """Accept the messages of all senders and let them continue."""
        return [self.release_first() for _ in range(len(self.queue))]
