"""The batches that wait for the database, in the order in which they were sent."""

from __future__ import annotations

from collections import deque

from vatwatch.messages import StoreBatch


class BatchQueue:
    """The batches of the processor, in order; it numbers them by generation.

    A generation is *void* when one of its batches was not written: the later ones were compared
    with a state that the database does not have. Then the processor starts over with a greater
    generation number. Holds values only.
    """

    def __init__(self) -> None:
        self._batches: deque[StoreBatch] = deque()
        self._void = -1

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, message: StoreBatch) -> bool:
        """Put a batch behind the others. Returns False if its generation is void: drop it."""
        if message.generation <= self._void:
            return False
        self._batches.append(message)
        return True

    def first(self) -> StoreBatch:
        """The batch to write next. Raises IndexError if none waits."""
        return self._batches[0]

    def remove_first(self) -> None:
        """Remove the first batch, which is written. Raises IndexError if none waits."""
        self._batches.popleft()

    def clear(self) -> None:
        """Drop all: another node writes now."""
        self._batches.clear()

    def void(self, generation: int) -> None:
        """Drop all batches of this generation and of earlier ones, also those still to come."""
        self._void = max(self._void, generation)
        self._batches = deque(m for m in self._batches if m.generation > self._void)
