"""The durable path: what the database holds, and the batches on their way to it, in order.

`processor.py` explains why there are two paths; `live_path.py` is the other one.
"""

from __future__ import annotations

from datetime import datetime

from vatwatch.actors.live_path import LivePath
from vatwatch.messages import Recovered, SnapshotJournaled, StoreBatch
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import ComparedSnapshot, batch_of

# Batches that may be on their way to the store. More would only copy the journal into memory.
MAX_UNACKNOWLEDGED = 8


class DurablePath:
    """The state that the database will hold once it has written what it was sent.

    It holds values only: it sends nothing, waits for nothing and reads no clock. The processor
    calls it from its own greenlet and sends what it returns. Entry ids are the journal's, which
    rise by one a snapshot.

    Three situations, and what the processor owes in each:

    - `state` is None: what the database holds is not known. Ask the store (`begin_recovery`), and
      hand in its answer (`recovered`).
    - `is_waiting`: an answer of the store is due. Do nothing until it comes, or is overdue.
    - else: hand the next entry over (`send`).
    """

    def __init__(self, generation: int) -> None:
        """`generation` must be greater than any of an earlier processor: the store remembers which
        generations are void, and refuses those and all below."""
        self.state: NetworkState | None = None
        self.generation = generation
        """Rises whenever the state is given up: what was sent under an earlier one is void."""
        self.entry_id = 0
        """The newest entry that is stored or on its way; 0: not known, ask for the oldest."""
        self.is_late = False
        """Whether the database has later snapshots than the one whose place was asked for. What is
        handed over then has come late: it is stored, and is not what the network looks like now."""
        self.catch_up_due = False
        """Whether the journal may have entries that were not sent: the next step must ask it."""
        self._unacknowledged: set[int] = set()
        self._recovering = False
        self._questions = 0

    @property
    def is_full(self) -> bool:
        """Whether the store must acknowledge something before more may be sent."""
        return len(self._unacknowledged) >= MAX_UNACKNOWLEDGED

    @property
    def is_waiting(self) -> bool:
        """Whether nothing can be done before the store has answered."""
        return self.waits_for is not None

    @property
    def waits_for(self) -> tuple[str, int] | None:
        """The answer that is waited for; None if none is needed.

        No two waits are equal. If the same wait is still there after a long time, its answer was
        lost or the database is away; `start_over` ends both.
        """
        if self._recovering:
            return "recovery", self._questions
        return ("acknowledgement", min(self._unacknowledged)) if self.is_full else None

    def continues(self, before: NetworkState, entry_id: int) -> bool:
        """Whether a snapshot that was compared with `before` can be sent as it is.

        That is the good case: both paths are at the same state, no entry between was missed, and
        the store keeps up. So a snapshot is compared only once.
        """
        return (
            self.state is before
            and not self.catch_up_due
            and not self.is_full
            and self.entry_id in (0, entry_id - 1)
        )

    def leads_to(self, time: datetime, live: LivePath) -> bool:
        """Whether a snapshot of this time can be compared with `state`.

        It must be later; and what is live comes after what is stored last, so not after one that
        has come late, and was sent or acknowledged before. If not, ask the database.
        """
        is_later = self.state is None or self.state.time is None or self.state.time < time
        is_after_late = self.is_late and self.entry_id != 0
        return is_later and not (is_after_late and live.shows(time))

    def send(self, entry: SnapshotJournaled, compared: ComparedSnapshot) -> StoreBatch:
        """Go one snapshot further. The caller must send what is returned to the store.

        It was compared with `self.state`.
        """
        self.state = compared.state
        self.entry_id = entry.entry_id
        self._unacknowledged.add(entry.entry_id)
        batch = batch_of(
            compared, entry_id=entry.entry_id, fetched_at=entry.fetched_at, source=entry.source
        )
        return StoreBatch(batch, self.generation)

    def acknowledge(self, entry_id: int) -> None:
        """The store has this entry and all that were sent before it, since it writes in order."""
        self._unacknowledged = {each for each in self._unacknowledged if each > entry_id}

    def start_over(self) -> None:
        """Give up the state: what was sent is void or uncertain, so the database decides.

        Never loses a snapshot: the journal hands out what is not stored, and what is stored is not
        written again.
        """
        self.state = None
        self.entry_id = 0
        self.is_late = False
        self.generation += 1
        self._unacknowledged.clear()
        self._recovering = False

    def begin_recovery(self) -> int:
        """The store is being asked for the state. Returns the generation that its answer is for."""
        self._recovering = True
        self._questions += 1
        return self.generation

    def expects(self, generation: int) -> bool:
        """Whether an answer of the store for this generation is still wanted."""
        return generation == self.generation

    def recovered(self, found: Recovered | None, entry: SnapshotJournaled | None) -> bool:
        """Take the store's answer to the question about `entry`; None: it gave none, ask again.

        Returns:
            Whether the entry turned out to be stored already, so that its acknowledgement was lost:
            the caller must tell the journal.
        """
        self._recovering = False
        if found is None:
            return False
        self.state, self.is_late = found.state, found.is_late
        if entry is None or not found.stored:
            return False
        self.entry_id = entry.entry_id
        return True
