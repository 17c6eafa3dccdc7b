"""`vatwatch doctor` and the database: a real PostgreSQL, alone and behind a real pgbouncer."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from tests.actors.harness import as_url
from tests.cli.doctor_house import Doctor
from tests.pgbouncer import pgbouncer
from vatwatch.cli.examination.database import judge_database
from vatwatch.cli.examination.findings import FindingState
from vatwatch.config.database import DatabaseSettings
from vatwatch.config.settings import load
from vatwatch.storage.database_look import DatabaseFacts, look_closely
from vatwatch.storage.migrate import migrate, newest_known
from vatwatch.storage.pooler import Pooler


def run(url: str, *statements: str) -> None:
    conn = psycopg2.connect(url)
    conn.autocommit = True
    with conn.cursor() as cur:
        for statement in statements:
            cur.execute(statement)
    conn.close()


def migrated(url: str) -> None:
    conn = psycopg2.connect(url)
    migrate(conn)
    conn.commit()
    conn.close()


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Path]:
    """A directory whose path is short enough for a socket, and where others may look."""
    with TemporaryDirectory(prefix="pgb-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    """A user of the test's own, who owns nothing."""
    name = f"role_{uuid.uuid4().hex}"
    run(database_url, f"CREATE ROLE {name} LOGIN")
    yield name
    run(database_url, f"REASSIGN OWNED BY {name} TO vatwatch", f"DROP OWNED BY {name}")
    run(database_url, f"DROP ROLE {name}")


# --- the server ----------------------------------------------------------------------------------


def test_a_database_as_it_should_be_has_neither_fault_nor_warning(
    tmp_path: Path, database_url: str
) -> None:
    empty = Doctor(tmp_path, DATABASE_URL=as_url(database_url))
    assert "the first start makes" in empty.found("database")[0].text
    migrated(database_url)
    doctor = Doctor(tmp_path, DATABASE_URL=as_url(database_url))
    for check in ("database", "pooler", "clock"):
        assert doctor.found(check, "ok")
        assert not doctor.found(check, "warning", "fault")
    assert f"with schema {newest_known()}, that of this version" in doctor.found("database")[0].text
    assert doctor.one("pooler").text.startswith("No pooler stands between")
    assert "agree" in doctor.one("clock").text


def test_an_older_schema_is_brought_up_and_a_newer_one_is_a_fault(
    tmp_path: Path, database_url: str
) -> None:
    migrated(database_url)
    run(database_url, f"DELETE FROM schema_migrations WHERE version = {newest_known()}")
    older = Doctor(tmp_path, DATABASE_URL=as_url(database_url)).found("database", "ok")[0]
    assert f"schema {newest_known() - 1}, which the next start brings up" in older.text
    run(database_url, "INSERT INTO schema_migrations VALUES (9999, 'of_tomorrow', 'x')")
    newer = Doctor(tmp_path, DATABASE_URL=as_url(database_url)).one("database", "fault")
    assert "schema 9999" in newer.text


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://me:s3cret@127.0.0.1:1/v", "connection refused"),
        ("postgresql://me:s3cret@nowhere.invalid/v", "name does not resolve"),
    ],
)
def test_a_server_that_is_not_there_is_a_fault_without_the_password(
    url: str, text: str, tmp_path: Path
) -> None:
    doctor = Doctor(tmp_path, DATABASE_URL=url)
    assert text in doctor.one("database", "fault").text
    assert "s3cret" not in doctor.printed


def test_a_database_or_a_user_that_is_not_there_is_a_fault(
    tmp_path: Path, database_url: str
) -> None:
    for words in ({"dbname": "nobodys"}, {"user": "nobody_knows"}):
        doctor = Doctor(tmp_path, DATABASE_URL=as_url(make_dsn(database_url, **words)))
        assert "does not take the connection" in doctor.one("database", "fault").text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("default_transaction_read_only", "on", "is read-only"),
        ("search_path", "nowhere", "There is no schema to make tables in"),
    ],
)
def test_a_setting_that_keeps_the_service_from_writing_is_a_fault(
    name: str, value: str, text: str, tmp_path: Path, database_url: str
) -> None:
    database = parse_dsn(database_url)["dbname"]
    run(database_url, f"ALTER DATABASE {database} SET {name} = {value}")
    found = Doctor(tmp_path, DATABASE_URL=as_url(database_url)).found("database", "fault")
    assert [one for one in found if text in one.text]


def test_a_database_that_cannot_store_every_letter_is_a_fault(
    tmp_path: Path, postgresql: str
) -> None:
    name = f"latin_{uuid.uuid4().hex}"
    run(postgresql, f"CREATE DATABASE {name} ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    try:
        url = as_url(make_dsn(postgresql, dbname=name))
        found = Doctor(tmp_path, DATABASE_URL=url).one("database", "fault")
        assert "has the encoding LATIN1" in found.text
        assert "UTF8" in found.advice
    finally:
        run(postgresql, f"DROP DATABASE {name}")


# --- rights --------------------------------------------------------------------------------------


def test_a_user_without_rights_is_told_which_ones(
    tmp_path: Path, database_url: str, role: str
) -> None:
    url = as_url(make_dsn(database_url, user=role))
    database = parse_dsn(database_url)["dbname"]
    run(database_url, f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
    texts = [one.text for one in Doctor(tmp_path, DATABASE_URL=url).found("database", "fault")]
    assert any("may not make tables in the schema public" in text for text in texts)
    assert any("may not make temporary tables" in text for text in texts)
    migrated(database_url)
    run(
        database_url,
        f"GRANT TEMPORARY ON DATABASE {database} TO {role}",
        f"GRANT CREATE ON SCHEMA public TO {role}",
        f"GRANT SELECT ON schema_migrations TO {role}",
    )
    denied = Doctor(tmp_path, DATABASE_URL=url).one("database", "fault")
    assert "tables of vatwatch" in denied.text
    assert "airports" in denied.text
    # With the owner's rights all is well.
    run(database_url, f"GRANT vatwatch TO {role}")
    assert not Doctor(tmp_path, DATABASE_URL=url).found("database", "fault")
    run(database_url, f"REVOKE vatwatch FROM {role}")


# --- connections ---------------------------------------------------------------------------------


def test_too_few_free_connections_are_a_warning_and_almost_none_a_fault(
    tmp_path: Path, database_url: str
) -> None:
    database = parse_dsn(database_url)["dbname"]
    url = as_url(database_url)
    run(database_url, f"ALTER DATABASE {database} CONNECTION LIMIT 12")
    assert (
        "room for 12 connections"
        in Doctor(tmp_path, DATABASE_URL=url).one("database", "warning").text
    )
    enough = Doctor(tmp_path, DATABASE_URL=url, DATABASE_MAX_CONNECTIONS="12")
    assert not enough.found("database", "warning", "fault")
    others = [psycopg2.connect(database_url) for _ in range(10)]
    try:
        found = Doctor(tmp_path, DATABASE_URL=url).one("database", "fault")
        assert "room for 2 connections" in found.text
    finally:
        for one in others:
            one.close()


def test_the_services_own_connections_are_no_strangers(tmp_path: Path, database_url: str) -> None:
    database = parse_dsn(database_url)["dbname"]
    run(database_url, f"ALTER DATABASE {database} CONNECTION LIMIT 12")
    own = [psycopg2.connect(database_url, application_name="vatwatch") for _ in range(8)]
    try:
        doctor = Doctor(tmp_path, DATABASE_URL=as_url(database_url), DATABASE_MAX_CONNECTIONS="12")
        assert not doctor.found("database", "warning", "fault")
    finally:
        for one in own:
            one.close()


# --- a pooler in the way -------------------------------------------------------------------------

IGNORES = {"ignore_startup_parameters": "options,extra_float_digits"}


@pytest.mark.parametrize(
    ("mode", "pooler"),
    [
        ("session", Pooler.SESSION),
        ("transaction", Pooler.TRANSACTION),
        ("statement", Pooler.STATEMENT),
    ],
)
def test_the_mode_of_a_pooler_is_recognized(
    mode: str, pooler: Pooler, short: Path, database_url: str
) -> None:
    with pgbouncer(short, database_url, pool_mode=mode, **IGNORES) as dsn:
        assert look_closely(dsn).pooler is pooler


def test_taking_turns_does_not_hide_transaction_mode(short: Path, database_url: str) -> None:
    with pgbouncer(
        short, database_url, pool_mode="transaction", server_round_robin=1, **IGNORES
    ) as dsn:
        warm = [psycopg2.connect(dsn) for _ in range(3)]
        for one in warm:
            one.cursor().execute("SELECT 1")
        for one in warm:
            one.rollback()
        assert look_closely(dsn).pooler is Pooler.TRANSACTION
        for one in warm:
            one.close()


@pytest.mark.parametrize("wait_s", [1, 0], ids=["refuses", "waits"])
def test_a_pool_of_one_connection_is_no_riddle_without_end(
    wait_s: int, short: Path, database_url: str
) -> None:
    with pgbouncer(
        short,
        database_url,
        pool_mode="session",
        default_pool_size=1,
        query_wait_timeout=wait_s,
        **IGNORES,
    ) as dsn:
        assert look_closely(dsn).pooler is Pooler.UNKNOWN


def test_a_pooler_in_transaction_mode_is_a_fault_and_one_in_session_mode_is_not(
    tmp_path: Path, short: Path, database_url: str
) -> None:
    # As the advice for a pooler that ignores options says.
    database = parse_dsn(database_url)["dbname"]
    run(database_url, f"ALTER DATABASE {database} SET timezone = 'UTC'")
    for mode, state in (("transaction", "fault"), ("session", "ok")):
        with pgbouncer(short, database_url, pool_mode=mode, **IGNORES) as dsn:
            doctor = Doctor(tmp_path, DATABASE_URL=as_url(dsn))
        found = doctor.one("pooler")
        assert (found.state, f"in {mode} mode" in found.text) == (state, True)
        assert not doctor.found("database", "fault")


def test_the_lock_is_kept_past_a_pooler_or_not_at_all(
    tmp_path: Path, short: Path, database_url: str
) -> None:
    url = as_url(database_url)
    assert not Doctor(tmp_path, DATABASE_URL=url).found("lock")
    direct = Doctor(tmp_path, DATABASE_URL=url, DATABASE_LOCK_URL=url)
    assert direct.one("lock", "ok")
    for mode in ("transaction", "statement"):
        with pgbouncer(short, database_url, pool_mode=mode, **IGNORES) as dsn:
            doctor = Doctor(tmp_path, DATABASE_URL=url, DATABASE_LOCK_URL=as_url(dsn))
        assert f"in {mode} mode" in doctor.one("lock", "fault").text
    with pgbouncer(short, database_url, pool_mode="session") as dsn:
        doctor = Doctor(tmp_path, DATABASE_URL=url, DATABASE_LOCK_URL=as_url(dsn))
    assert "it is a pooler" in doctor.one("lock", "fault").text
    nowhere = Doctor(
        tmp_path, DATABASE_URL=url, DATABASE_LOCK_URL="postgresql://me:s3cret@127.0.0.1:1/v"
    )
    assert "connection refused" in nowhere.one("lock", "fault").text
    assert "s3cret" not in nowhere.printed


def test_a_pooler_that_drops_the_time_zone_is_a_fault(
    tmp_path: Path, short: Path, database_url: str
) -> None:
    database = parse_dsn(database_url)["dbname"]
    run(database_url, f"ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'")
    assert not Doctor(tmp_path, DATABASE_URL=as_url(database_url)).found("database", "fault")
    with pgbouncer(short, database_url, pool_mode="session", **IGNORES) as dsn:
        found = Doctor(tmp_path, DATABASE_URL=as_url(dsn)).one("database", "fault")
    assert "have the time zone Asia/Tokyo" in found.text


def test_a_pooler_that_refuses_the_options_of_sessions_is_named_as_one(
    tmp_path: Path, short: Path, database_url: str
) -> None:
    with pgbouncer(short, database_url, pool_mode="session") as dsn:
        doctor = Doctor(tmp_path, DATABASE_URL=as_url(dsn))
    found = doctor.one("pooler", "fault")
    assert "refuses the options" in found.text
    assert "session mode" in found.advice


def test_a_wrong_password_is_a_fault_that_does_not_repeat_it(
    tmp_path: Path, short: Path, database_url: str
) -> None:
    (short / "users").write_text('"vatwatch" "right-secret"\n')
    (short / "users").chmod(0o644)
    with pgbouncer(
        short, database_url, auth_type="plain", auth_file=short / "users", **IGNORES
    ) as dsn:
        right = Doctor(tmp_path, DATABASE_URL=as_url(make_dsn(dsn, password="right-secret")))
        wrong = Doctor(tmp_path, DATABASE_URL=as_url(make_dsn(dsn, password="wrong-secret")))
    assert right.found("database")[0].state == "ok"
    assert "does not take the connection" in wrong.one("database", "fault").text
    assert "secret" not in wrong.printed


# --- what no server of the tests can be ----------------------------------------------------------


@pytest.fixture
def facts(database_url: str) -> DatabaseFacts:
    return look_closely(database_url)


def judged(facts: DatabaseFacts) -> list[str]:
    settings: DatabaseSettings = load(env={}).database
    return [
        one.text
        for one in judge_database(facts, settings, "PostgreSQL at db:5432")
        if one.state is not FindingState.OK
    ]


def test_a_standby_an_old_version_and_a_wrong_clock_are_told(facts: DatabaseFacts) -> None:
    assert judged(facts) == []
    (standby,) = judged(replace(facts, in_recovery=True, read_only=True))
    assert "standby" in standby
    (old,) = judged(replace(facts, version_number=140_009, server_version="14.9"))
    assert "14.9 is older than 15" in old
    (behind,) = judged(replace(facts, clock_ahead=timedelta(minutes=-2)))
    assert "PostgreSQL at db:5432 is about 2 min behind this machine's" in behind
