"""Every actor of the tree is made to raise, and the next snapshot goes the whole way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.actors.harness import Poison, running, until
from tests.feed_server import FeedServer
from vatwatch.config.settings import load
from vatwatch.supervision import ChildFailed, ChildSpec, State, SupervisorSpec
from vatwatch.system import declare


def workers(spec: SupervisorSpec | ChildSpec) -> Iterator[str]:
    if isinstance(spec, SupervisorSpec):
        for child in spec.children:
            yield from workers(child)
    else:
        yield spec.name


# With the embedded cluster, so that its keeper is among them.
EVERYBODY = sorted(workers(declare(load(env={}, directory=Path("/nowhere")))))


@pytest.mark.parametrize("name", EVERYBODY)
def test_an_actor_that_raises_is_restarted_and_the_next_snapshot_is_stored_and_served(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database_url = (
        None if name == "postgres" else cast("str", request.getfixturevalue("database_url"))
    )
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        before = service.until_next_is_through()
        starts = service.node(name).restarts_total

        service.tree.directory.address(name).tell(Poison())

        until(lambda: service.node(name).restarts_total > starts, f"{name} is restarted")
        until(lambda: service.node(name).state is State.RUNNING)
        after = service.until_next_is_through()
        assert after > before
        failed = [n for n in service.notices if isinstance(n, ChildFailed)]
        assert [(n.path.rpartition("/")[2], n.message_type) for n in failed] == [(name, "Poison")]
        assert service.http.simulate_get("/api/status").status_code == 200


def test_the_list_of_actors_is_that_of_the_whole_tree() -> None:
    assert {"fetcher", "journal", "processor", "store", "cache", "postgres"} <= set(EVERYBODY)
