"""Two nodes that share a Redis and a database, in one process: one collects, the other follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.actors.harness import Running, running, until
from tests.actors.test_snapshot import time_of
from vatsim_simulator.publication import Publication
from vatwatch.config.settings import load
from vatwatch.http.in_process import InProcess
from vatwatch.messages import UseRole
from vatwatch.messages.follower_status import FollowerStatus
from vatwatch.storage.journal import Journal
from vatwatch.supervision import Tree
from vatwatch.system import declare
from vatwatch.wiring import ROLE_OF_MANY, Membership

# The settings of a node among others, and what it is there.
SHARED = load(
    env={"DATABASE_URL": "postgresql://nowhere/v", "REDIS_URL": "redis://nowhere"},
    directory=Path("/nowhere"),
)
MEMBER = Membership("here", InProcess().answer)
# The trees of a service that is alone with its own cluster, and of a node among others.
TREES = (
    declare(load(env={}, directory=Path("/nowhere"))),
    declare(SHARED, member=MEMBER),
)


@dataclass(frozen=True, slots=True)
class Nodes:
    """Both have areas and everything else of their own."""

    collecting: Running
    following: Running

    def hand_in(self, publication: Publication) -> None:
        """A snapshot to the one that collects; both serve it in the end."""
        self.collecting.hand_in(publication)
        self.collecting.until_served(time_of(publication))
        self.following.until_served(time_of(publication))

    def swapped(self) -> Nodes:
        """The other one collects from now on."""
        tell_role(self.collecting.tree, collects=False)
        tell_role(self.following.tree, collects=True)
        return Nodes(self.following, self.collecting)


@contextmanager
def two_nodes(home: Path, database: str, redis_url: str, **environment: object) -> Iterator[Nodes]:
    with ExitStack() as stack:
        made = []
        for name in ("first", "second"):
            (home / name).mkdir()
            made.append(
                stack.enter_context(
                    running(
                        home / name,
                        database,
                        several_nodes=True,
                        REDIS_URL=redis_url,
                        EVENT_BUS_MAX_HISTORY_SIZE=10_000,
                        **environment,
                    )
                )
            )
        nodes = Nodes(*made)
        tell_role(nodes.collecting.tree, collects=True)
        tell_role(nodes.following.tree, collects=False)
        until(lambda: following(nodes.following).subscribed, "it listens")
        yield nodes


def tell_role(tree: Tree, *, collects: bool) -> None:
    """What the leadership tells; without polls there is none."""
    for name in ROLE_OF_MANY:
        if tree.directory.find(name) is not None:
            tree.directory.address(name).tell(UseRole(collects))


def following(service: Running) -> FollowerStatus:
    return service.status("follower", FollowerStatus)


def leave_in_journal(path: Path, given: Sequence[Publication]) -> None:
    """Leave these in the journal of a process that was killed before it had stored them."""
    journal = Journal(path, max_bytes=2**30)
    journal.open()
    for one in given:
        journal.append(
            update_timestamp=time_of(one),
            fetched_at=time_of(one),
            data=one.data.raw,
            transceivers=one.transceivers.raw,
            source="the process before",
        )
    journal.close()
