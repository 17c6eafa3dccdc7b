"""Breakers are reported as closed again, even if the process that reported them open has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from vatwatch.actors.opened_breakers import OpenedBreakers
from vatwatch.events.payloads import RecoveryPayload
from vatwatch.monitoring.health import DOWN_S
from vatwatch.supervision import (
    Actor,
    BreakerChanged,
    BreakerPolicy,
    BreakerState,
    NodeInfo,
    Tree,
    supervisor,
    worker,
)
from vatwatch.supervision.circuit_breaker import BreakerKind, CircuitBreaker

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


def opened(name: str, kind: BreakerKind = "dependency") -> BreakerChanged:
    return BreakerChanged(name, kind, BreakerState.CLOSED, BreakerState.OPEN, "it is away", 60.0)


def breaker(name: str, kind: BreakerKind = "dependency") -> CircuitBreaker:
    return CircuitBreaker(name, BreakerPolicy(), lambda: 0.0, kind=kind)


def nobody(_name: str) -> NodeInfo | None:
    return None


def told(found: OpenedBreakers, *breakers: CircuitBreaker) -> list[RecoveryPayload]:
    return list(found.proven([each.info() for each in breakers], nobody, LATER))


def begun_anew(path: Path) -> OpenedBreakers:
    found = OpenedBreakers(path)
    found.load()
    return found


def test_a_breaker_of_the_process_before_is_told_closed_once_at_its_first_success(
    tmp_path: Path,
) -> None:
    path = tmp_path / "breakers.outbox"
    OpenedBreakers(path).open(opened("PostgreSQL (store)"), NOON)
    found, now = begun_anew(path), breaker("PostgreSQL (store)")
    assert told(found, now, breaker("Redis")) == []
    now.call(int)
    assert told(found, now) == [
        RecoveryPayload("breaker/PostgreSQL (store)", "breaker", "it is away", 300.0)
    ]
    assert told(found, now) == []
    assert not found.waits_for_proof
    assert not begun_anew(path).waits_for_proof


def test_one_that_opens_again_is_told_closed_when_it_closes_and_since_it_opened_first(
    tmp_path: Path,
) -> None:
    path = tmp_path / "breakers.outbox"
    OpenedBreakers(path).open(opened("Redis"), NOON)
    found, now = begun_anew(path), breaker("Redis")
    found.open(opened("Redis"), NOON + timedelta(minutes=1))
    now.call(int)
    assert told(found, now) == []
    assert found.close("Redis", "breaker/Redis", LATER).duration_s == 300.0
    assert not begun_anew(path).waits_for_proof


class Quiet(Actor):
    """Runs."""


def test_a_part_that_was_suspended_is_told_well_when_it_has_run_for_a_while(tmp_path: Path) -> None:
    path, now_s = tmp_path / "breakers.outbox", 0.0
    OpenedBreakers(path).open(opened("root/quiet", "child"), NOON)
    found = begun_anew(path)
    tree = Tree(supervisor("root", children=[worker("quiet", Quiet)]), clock=lambda: now_s)
    tree.start()
    try:
        assert list(found.proven(tree.breakers(), tree.node, LATER)) == []
        now_s = DOWN_S
        (payload,) = found.proven(tree.breakers(), tree.node, LATER)
        assert payload == RecoveryPayload("root/quiet", "breaker", "it is away", 300.0)
    finally:
        tree.stop()


def test_a_breaker_that_nobody_has_seen_open_is_told_closed_without_a_duration() -> None:
    found = OpenedBreakers(None)
    assert found.close("Redis", "breaker/Redis", NOON) == RecoveryPayload(
        "breaker/Redis", "breaker"
    )
