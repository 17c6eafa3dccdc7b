"""The actor `keys`: what is made or revoked elsewhere is known here soon, and an outage of the
database locks nobody out who was known before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gevent
import psycopg2
import pytest

from vatwatch.access.api_keys import ApiKey, NewKey, make_key
from vatwatch.access.scopes import Scope
from vatwatch.actors.keys import KeysActor
from vatwatch.errors import DatabaseUnavailable
from vatwatch.messages import CreateKey, FindKey, KeyUsed, ListKeys, RevokeKey
from vatwatch.monitoring.health import Health
from vatwatch.storage.key_table import insert_key, revoke_key
from vatwatch.supervision import Ask

from .harness import PATIENCE_S, Poison, Running, running, until
from .postgres_proxy import PostgresProxy


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Running]:
    with running(tmp_path, database_url) as service:
        yield service


def ask(service: Running, message: Ask[object]) -> object:
    return service.tree.directory.address("keys").ask(message, timeout_s=PATIENCE_S)


def found(service: Running, new: NewKey) -> object:
    return ask(service, FindKey(new.record.hash))


def is_listed(service: Running, new: NewKey) -> bool:
    try:
        return new.record in (ask(service, ListKeys()) or ())  # type: ignore[operator]
    except DatabaseUnavailable:
        return False


def new_key(**expires: float) -> NewKey:
    now = datetime.now(UTC)
    return make_key("bot", {Scope.READ}, now, now + timedelta(**expires) if expires else None)


@contextmanager
def elsewhere(database_url: str) -> Iterator[psycopg2.extensions.connection]:
    """The table, as another host writes it."""
    conn = psycopg2.connect(database_url)
    try:
        with conn:
            yield conn
    finally:
        conn.close()


def test_a_key_is_found_once_it_is_made_and_not_once_it_is_revoked(service: Running) -> None:
    new, other = new_key(), new_key()
    assert found(service, new) is None
    ask(service, CreateKey(new.record))
    assert found(service, new) == new.record
    revoked = ask(service, RevokeKey(new.record.id))
    assert isinstance(revoked, ApiKey)
    assert revoked.revoked_at is not None
    assert found(service, new) is None
    assert ask(service, RevokeKey(other.record.id)) is None
    assert ask(service, ListKeys()) == (revoked,)


def test_a_key_that_another_process_has_made_works_at_once(
    service: Running, database_url: str
) -> None:
    assert found(service, new_key()) is None  # the table was just read
    new = new_key()
    with elsewhere(database_url) as conn:
        insert_key(conn, new.record)
    assert found(service, new) == new.record


def test_a_key_that_another_process_has_revoked_is_refused_soon(
    service: Running, database_url: str
) -> None:
    new = new_key()
    ask(service, CreateKey(new.record))
    with elsewhere(database_url) as conn:
        revoke_key(conn, new.record.id, datetime.now(UTC))
    until(lambda: found(service, new) is None, "it is refused")


def test_a_key_expires_by_itself(service: Running) -> None:
    new = new_key(seconds=0.2)
    ask(service, CreateKey(new.record))
    until(lambda: found(service, new) is None, "it has expired")


def test_the_last_use_is_written_in_the_background(service: Running) -> None:
    new = new_key()
    ask(service, CreateKey(new.record))
    at = datetime(2026, 11, 27, 12, tzinfo=UTC)
    service.tree.directory.address("keys").tell(KeyUsed(new.record.id, at))
    until(lambda: service.sql("SELECT last_used_at FROM api_keys") == [(at,)])


def test_while_the_database_is_away_known_keys_work_and_the_rest_says_so(
    tmp_path: Path, database_url: str
) -> None:
    with (
        PostgresProxy(tmp_path, database_url) as proxy,
        running(
            tmp_path, proxy.dsn, look_at=database_url, CIRCUIT_BREAKER_FAILURE_THRESHOLD=1
        ) as service,
    ):
        known, made_meanwhile = new_key(), new_key()
        ask(service, CreateKey(known.record))
        proxy.cut()
        for message in (
            FindKey(made_meanwhile.record.hash),
            ListKeys(),
            CreateKey(made_meanwhile.record),
            RevokeKey(known.record.id),
        ):
            with pytest.raises(DatabaseUnavailable):
                ask(service, message)
        assert found(service, known) == known.record
        until(lambda: service.reports().parts["keys"].health is Health.DEGRADED)
        # A restart of the actor does not lose them either.
        service.tree.directory.address("keys").tell(Poison())
        until(lambda: service.node("keys").restarts_total == 1)
        assert found(service, known) == known.record
        proxy.mend()
        until(lambda: is_listed(service, known), "the table can be asked again")
        until(lambda: service.reports().parts["keys"].health is Health.HEALTHY)
        ask(service, CreateKey(made_meanwhile.record))
        assert found(service, made_meanwhile) == made_meanwhile.record


def test_whoever_tries_keys_at_random_makes_the_table_be_read_four_times_a_second_at_most(
    service: Running,
) -> None:
    slot = service.tree.directory.find("keys")
    assert slot is not None
    assert slot.incarnation is not None
    actor = slot.incarnation.actor
    assert isinstance(actor, KeysActor)
    reads = 0
    run = actor._run

    def counted(work: object) -> object:
        nonlocal reads
        reads += 1
        return run(work)  # type: ignore[arg-type]

    actor._run = counted  # type: ignore[method-assign, assignment]

    def crowd() -> list[object]:
        return [gevent.spawn(found, service, new_key()) for _ in range(50)]

    asked = crowd()
    gevent.joinall(asked, timeout=PATIENCE_S)
    assert all(one.value is None and one.successful() for one in asked)  # type: ignore[attr-defined]
    # One for those that came before it began, one for the others, and the regular look.
    assert reads <= 4
