"""On demand: what is made of the live state only when somebody asks for it, and once.

Boards and loads are asked for seldom, and making them takes longer than a snapshot may. So nobody
makes them at each snapshot: the first question after one does, in a native thread that does nothing
else, and the cache goes on with the next live state meanwhile. `LiveViews` and `LiveQueries` answer
the questions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Generic, ParamSpec, TypeVar

from vatwatch.supervision import NativePool, Reply

Of = TypeVar("Of")
Made = TypeVar("Made")
Answer = TypeVar("Answer")
P = ParamSpec("P")


class OnDemand(Generic[Of, Made]):
    """One such thing. For greenlets of the actor that owns the pool."""

    def __init__(self, pool: NativePool, make: Callable[[Of], Made]) -> None:
        """`make` runs in the pool: it only computes, takes a value and returns one."""
        self._pool = pool
        self._make = make
        self._of: Of | None = None
        self._made: Reply[Made] | None = None

    def read(
        self,
        live: Of,
        find: Callable[Concatenate[Made, P], Answer],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answer:
        """What `find(made, ...)` returns; `find` runs in the pool, too.

        Waits, also for a making that another question has begun. Raises whatever `make` and `find`
        raise; the next question makes it anew.
        """
        made = self._made_of(live)
        return self._pool.run(lambda: find(made, *args, **kwargs))

    def forget(self) -> None:
        """Let go of what was made: it would keep the live state in memory."""
        self._of = self._made = None

    def _made_of(self, live: Of) -> Made:
        if self._made is None or self._of is not live:
            making = Reply[Made]()
            self._of, self._made = live, making
            try:
                making.set(self._pool.run(self._make, live))
            except BaseException as error:
                # Also the end of the actor: who waits for this making must not wait for ever.
                making.fail(error)
                if self._made is making:
                    self.forget()
                raise
            return making.get()
        return self._made.get()
