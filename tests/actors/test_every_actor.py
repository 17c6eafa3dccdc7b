"""Every actor of the tree raises, crashes on its n-th message, hangs and is slow; the next snapshot
goes the whole way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.actors.harness import KEY, Poison, Running, running, until
from tests.actors.node_house import TREES
from tests.feed_server import FeedServer
from vatwatch.storage.journal_entry import SUFFIX
from vatwatch.supervision import ChildFailed, ChildSpec, Fault, FaultKind, State, SupervisorSpec

# At least one question for each actor that users can ask.
QUESTIONS = (
    "/api/alerts",
    "/api/config",
    "/api/errors",
    "/api/errors/analytics",
    "/api/events/analytics",
    "/api/flights",
    "/api/keys",
    "/api/session",
    "/api/subscriptions",
)


def workers(spec: SupervisorSpec | ChildSpec) -> Iterator[str]:
    if isinstance(spec, SupervisorSpec):
        for child in spec.children:
            yield from workers(child)
    else:
        yield spec.name


EVERYBODY = sorted({name for tree in TREES for name in workers(tree)})
# Those that are there only among others.
OF_SEVERAL = ("follower", "handover", "nodes")

# Of each handler, in the test of those that hang.
DEADLINE_S = 2.0


@contextmanager
def a_service(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, **environment: object
) -> Iterator[Running]:
    """A service that has stored a snapshot; with its own cluster if that one's keeper is meant."""
    database_url = (
        None if name == "postgres" else cast("str", request.getfixturevalue("database_url"))
    )
    if name in OF_SEVERAL:
        environment["REDIS_URL"] = request.getfixturevalue("redis_url")
    everybody_is_busy = {"VATWATCH_RESOURCE_INTERVAL": 0.2, "VATWATCH_ALERT_INTERVAL": 0.2}
    with (
        FeedServer() as feeds,
        running(
            tmp_path,
            database_url,
            feeds=feeds,
            several_nodes=name in OF_SEVERAL,
            **{**everybody_is_busy, **environment},
        ) as service,
    ):
        service.until_next_is_through()
        yield service


def order_and_await(service: Running, fault: Fault) -> None:
    """Order the fault, and give its actor messages until it has happened."""
    faults = service.tree.faults
    faults.inject(fault)

    def has_happened() -> bool:
        assert service.feeds is not None
        service.feeds.advance()
        for path in QUESTIONS:
            service.http.simulate_get(path, headers={"Authorization": f"Bearer {KEY}"})
        return not faults.active()

    until(has_happened, f"{fault.kind.value} befalls {fault.target}")


def failures_of(service: Running, name: str, *, alone: bool = True) -> list[ChildFailed]:
    """The failures of this actor; `alone`: no other actor may have failed."""
    failed = [notice for notice in service.notices if isinstance(notice, ChildFailed)]
    its_own = [notice for notice in failed if notice.path.rpartition("/")[2] == name]
    assert not alone or failed == its_own
    return its_own


def until_well(service: Running, name: str) -> None:
    """The next snapshot goes the whole way, and all that were fetched are stored."""
    until(lambda: service.node(name).state is State.RUNNING)
    service.until_next_is_through()

    def all_are_stored() -> bool:
        journal = service.http.simulate_get("/api/status").json["journal"]
        assert journal["quarantined"] == 0
        # A fetcher that was restarted fetches what it finds; that is not counted twice.
        entries = (service.settings.general.home / "journal").rglob(f"*{SUFFIX}")
        fetched = {entry.stem.partition("-")[2] for entry in entries}
        return journal["pending"] == 0 and len(fetched) == len(service.sql.snapshots())

    until(all_are_stored, "all that were fetched are stored")


@pytest.mark.parametrize("name", EVERYBODY)
def test_an_actor_that_raises_is_restarted_and_the_next_snapshot_is_stored_and_served(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with a_service(name, tmp_path, request) as service:
        starts = service.node(name).restarts_total
        service.tree.directory.address(name).tell(Poison())
        until(lambda: service.node(name).restarts_total > starts, f"{name} is restarted")
        until_well(service, name)
        assert [failed.message_type for failed in failures_of(service, name)] == ["Poison"]


@pytest.mark.parametrize("name", EVERYBODY)
def test_an_actor_that_crashes_on_its_nth_message_costs_no_snapshot(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with a_service(name, tmp_path, request) as service:
        order_and_await(service, Fault(FaultKind.CRASH, name, skip=3))
        until(lambda: failures_of(service, name), f"{name} has failed")
        until_well(service, name)
        (failed,) = failures_of(service, name)
        assert (failed.reason, failed.error_type) == ("crash", "InjectedFault")


@pytest.mark.parametrize("name", EVERYBODY)
def test_an_actor_that_hangs_is_killed_at_its_deadline_and_restarted(
    name: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Some may take longer by their spec; here all get the same.
    for limit in ("write_deadline_s", "poll_deadline_s"):
        monkeypatch.setattr(f"vatwatch.system.{limit}", lambda _settings: DEADLINE_S)
    monkeypatch.setattr("vatwatch.system.POSTGRES_DEADLINE_S", DEADLINE_S)
    with a_service(name, tmp_path, request, VATWATCH_HANDLER_DEADLINE=DEADLINE_S) as service:
        order_and_await(service, Fault(FaultKind.HANG, name))
        # An actor that waits for its answer may be killed, too: here all have the same deadline.
        until(lambda: failures_of(service, name, alone=False), f"{name} is killed")
        until_well(service, name)
        (failed,) = failures_of(service, name, alone=False)
        assert (failed.reason, failed.error_text) == (
            "hang",
            f"a handler ran for more than {DEADLINE_S:g} s",
        )


@pytest.mark.parametrize("name", EVERYBODY)
def test_an_actor_that_is_slow_is_waited_for(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with a_service(name, tmp_path, request) as service:
        order_and_await(service, Fault(FaultKind.SLOW, name, seconds=0.7))
        until_well(service, name)
        assert failures_of(service, name) == []
        until(lambda: longest_s(service, name) >= 0.7)


def longest_s(service: Running, name: str) -> float:
    """The longest that the actor had a message in hand."""
    latency = service.node(name).latency
    return 0.0 if latency is None else latency.max_s


# These get only their own timers, or hardly anything else.
ALONE = {
    "areas",
    "fetcher",
    "follower",
    "handover",
    "leadership",
    "nodes",
    "postgres",
    "refill",
    "resource_monitor",
}


@pytest.mark.parametrize("name", sorted({*EVERYBODY} - ALONE))
def test_a_message_that_an_actor_never_gets_costs_no_snapshot(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with a_service(name, tmp_path, request) as service:
        order_and_await(service, Fault(FaultKind.DROP, name, skip=1))
        until_well(service, name)
        assert failures_of(service, name) == []


def test_the_list_of_actors_is_that_of_the_whole_tree() -> None:
    assert {"fetcher", "journal", "processor", "store", "cache", "postgres"} <= set(EVERYBODY)
