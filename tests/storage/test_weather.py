"""Weather or bug: what each error of PostgreSQL means, and what an operator is told of it."""

from __future__ import annotations

import socket
from pathlib import Path

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.errors import DatabaseUnavailable
from vatwatch.storage.pool import ConnectionPool
from vatwatch.storage.reachability import name_of
from vatwatch.storage.weather import Verdict, judge_code

W, C, B, D = Verdict.WEATHER, Verdict.CONFLICT, Verdict.BROKEN, Verdict.DATA


@pytest.mark.parametrize(
    ("sqlstate", "verdict"),
    [
        ("08000", W), ("08003", W), ("08006", W),  # the connection
        ("57P01", W), ("57P02", W), ("57P03", W), ("57P04", W), ("57P05", W),  # stops, starts
        ("53000", W), ("53100", W), ("53200", W), ("53300", W), ("53400", W),  # lacks resources
        ("57014", W), ("25P03", W), ("25P04", W),  # time limits
        ("25006", W),  # a standby
        ("28000", W), ("28P01", W), ("3D000", W),  # does not let us in
        ("40001", C), ("40P01", C), ("55P03", C),  # another transaction was in the way
        ("42703", B), ("42P01", B), ("42501", B), ("42601", B), ("42883", B),  # the schema
        ("3F000", B), ("0A000", B), ("25P02", B), ("55000", B),
        ("58030", B), ("58P01", B), ("XX001", B), ("XX002", B),  # the server's files
        ("22001", D), ("22003", D), ("22008", D), ("22021", D),  # values
        ("23502", D), ("23505", D), ("23514", D), ("21000", D), ("54000", D), ("54001", D),
        ("P0001", D), ("XX000", D), ("ZZ999", D),  # somebody's trigger, or not known
    ],
)  # fmt: skip
def test_the_line_between_weather_and_bug(sqlstate: str, verdict: Verdict) -> None:
    assert judge_code(sqlstate, closed=False, operational=False) is verdict


@given(
    st.none() | st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=5, max_size=5),
    st.booleans(),
)
def test_the_error_of_a_dying_connection_never_counts_against_a_snapshot(
    sqlstate: str | None, operational: bool
) -> None:
    assert judge_code(sqlstate, closed=True, operational=operational) is not Verdict.DATA


def test_an_error_that_is_not_from_the_server_is_weather_only_as_an_operational_error() -> None:
    assert judge_code(None, closed=False, operational=True) is Verdict.WEATHER
    assert judge_code(None, closed=False, operational=False) is Verdict.DATA


def words_of(dsn: str) -> str:
    pool = ConnectionPool(dsn, size=1, timeout_s=20)
    try:
        with pytest.raises(DatabaseUnavailable) as caught:
            pool.run(lambda _conn: None)
    finally:
        pool.close()
    assert caught.value.__suppress_context__  # libpq's words do not come with it
    return str(caught.value)


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_an_address_without_a_listener_is_reported_with_the_networks_reason() -> None:
    port = unused_port()
    assert words_of(f"postgresql://v:s%33cret@127.0.0.1:{port}/x") == (
        f"PostgreSQL at 127.0.0.1:{port} cannot be reached (connection refused)"
    )
    assert "(no such file or directory)" in words_of("host=/nowhere dbname=x user=y")
    assert "does not resolve" in words_of("host=nowhere.invalid dbname=x user=y password=secret")


def test_a_servers_refusal_to_connect_is_reported_with_advice(database_url: str) -> None:
    words = words_of(psycopg2.extensions.make_dsn(database_url, dbname="no_such_database"))
    assert 'database "no_such_database" does not exist' in words
    assert "DATABASE_URL" in words


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://v:top%secret@127.0.0.1:1/x",
        "postgresql://v:a@secret@127.0.0.1:1/x",
        "postgresql://v:a/secret@127.0.0.1:1/x",
        "postgresql://v:secret@127.0.0.1:1/x?sslmode=secret",
        "host=127.0.0.1 port=secret password=secret",
        "host=secret@x password=a",
        "secret",
    ],
)
def test_no_piece_of_a_misread_address_is_shown(dsn: str) -> None:
    assert "secret" not in words_of(dsn)
    assert "secret" not in name_of(dsn)


def test_the_name_says_where_the_server_is_and_nothing_else(tmp_path: Path) -> None:
    assert name_of("postgresql://v:w@db.example.org/x") == "PostgreSQL at db.example.org:5432"
    assert name_of("postgresql://v:w@[::1]:5433/x") == "PostgreSQL at [::1]:5433"
    assert name_of(f"host={tmp_path} dbname=x") == f"PostgreSQL at {tmp_path}"
    assert name_of("host=a,b port=1,2") == "PostgreSQL at a:1, b:2"
    assert name_of("dbname=x") == "PostgreSQL"
