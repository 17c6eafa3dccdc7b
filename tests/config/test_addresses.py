"""Addresses: a wrong one is refused at the start, in a line that quotes nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
import redis
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from vatwatch.config import addresses
from vatwatch.config.database import PARAMETERS, DatabaseSettings, postgresql, postgresql_to_read
from vatwatch.config.settings import describe, load, read
from vatwatch.errors import ConfigurationError
from vatwatch.storage.redis_client import MasterPool, redis_pool

# Neither is a word, a piece of one, or anything that a message could have by itself.
FIRST, SECOND = "Qx7Jmark", "vZ9Kpart"


def refused(check: Callable[[str], None], address: str) -> str:
    with pytest.raises(ValueError, match=r"\w") as caught:
        check(address)
    return str(caught.value)


# --- PostgreSQL ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://me:s3cret@db/v", "begins with postgresql:// or postgres://"),
        ("host=db password=s3cret", "begins with postgresql:// or postgres://"),
        ("postgresql://", "begins with postgresql:// or postgres://"),
        ("postgresql://me:top%s3cret@db/v", "% as %25"),
        ("postgresql://me:top%2s3cret@db/v", "% as %25"),
        ("postgresql://me:s3cret%00@db/v", "%00"),
        ("postgresql://me:s3@cret@db/v", "more than one @"),
        ("postgresql://me:9/s3cret@db/v", "/ as %2F"),
        ("postgresql://me:s3/cret@db/v", "/ as %2F"),
        ("postgresql://me:s3cret @db/v", "a space, a line break"),
        ("postgresql://me:s3cret\n@db/v", "a space, a line break"),
        ("postgresql://me:s3cret@db:99999/v", "port"),
        ("postgresql://me:s3cret@db:0/v", "port"),
        ("postgresql://me:s3cret@db:s3cret/v", "port"),
        ("postgresql:///v?host=a,b&port=1,2,3", "as many ports as hosts"),
        ("postgresql://me:s3cret@d^b/v", "host"),
        ("postgresql://me:s3cret@:5432/v", "a port and no host"),
        ("postgresql://me:s3cret@[::1/v", "cannot be read"),
        ("postgresql://db/v?sslmod=require", "sslmod (did you mean sslmode?)"),
        ("postgresql://db/v?aplication_name=x", "did you mean application_name?"),
        ("postgresql://db/v?zzz9s3cret=1", "a parameter behind its ?"),
        ("postgresql://db/v?sslmode=bogus", "sslmode must be disable, allow, prefer"),
        ("postgresql://db/v?sslmode=", "sslmode must be"),
        ("postgresql://db/v?target_session_attrs=standby", "target_session_attrs must be"),
        ("postgresql://db/v?connect_timeout=soon", "connect_timeout must be a whole number"),
        ("postgresql://db/v?sslrootcert=/nowhere/ca.pem", "sslrootcert must be a file"),
    ],
)
def test_an_address_of_postgresql_that_cannot_be_right_is_refused(address: str, said: str) -> None:
    text = refused(postgresql, address)
    assert said in text
    assert "s3" not in text
    assert "cret" not in text


@pytest.mark.parametrize(
    "address",
    [
        "postgresql:///vatwatch",
        "postgres://db",
        "postgresql://me@db:5432/vatwatch",
        "postgresql://me:p%40ss%3Aw%2Frd%25%23%3F1@db/v?sslmode=verify-full&application_name=x",
        "postgresql://me:pa#ss?word@db/v",
        "postgresql://[::1]:5432/v",
        "postgresql://a:1,b:2/v?target_session_attrs=read-write",
        "postgresql:///v?host=/var/run/postgresql&user=me&password=x",
        "postgresql://%2Ftmp%2Fsockets/v",
        "postgresql://db/v?options=-c%20search_path%3Dtraffic&connect_timeout=5",
    ],
)
def test_an_address_that_libpq_takes_is_taken(address: str) -> None:
    postgresql(address)


@pytest.mark.parametrize("servers", ["any", "standby", "prefer-standby", "read-only", "primary"])
def test_an_address_that_is_only_read_may_want_a_standby(servers: str) -> None:
    postgresql_to_read(f"postgresql://a,b/v?target_session_attrs={servers}")
    assert "target_session_attrs must be" in refused(
        postgresql_to_read, "postgresql://a,b/v?target_session_attrs=fastest"
    )


def test_the_known_parameters_are_those_of_libpq() -> None:
    for name in PARAMETERS:
        psycopg2.extensions.parse_dsn(f"postgresql://h/d?{name}=true")


# --- Redis ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://cache/0", "begins with redis:// or rediss:// or unix://"),
        ("redis://", "begins with redis:// or rediss:// or unix://"),
        ("redis://:s3cret@cache/notanumber", "the number of a database"),
        ("redis://:s3cret@cache/0/1", "the number of a database"),
        ("redis://:s3cret@cache/-1", "the number of a database"),
        ("redis://:s3cret@cache:0/0", "port"),
        ("redis://:s3cret@cache:70000/0", "port"),
        ("redis://:9#s3cret@cache/0", "# in it"),
        ("redis://:9/s3cret@cache/0", "before its @"),
        ("redis://:9?s3cret@cache/0", "before its @"),
        ("redis://cache/0?bd=1", "did you mean db?"),
        ("redis://cache/0?db=one", "db must be a whole number"),
        ("redis://cache/0?socket_timeout=soon", "a number of seconds"),
        ("rediss://cache/0?ssl_cert_reqs=maybe", "ssl_cert_reqs must be"),
        ("redis://ca che/0", "a space, a line break"),
        ("redis://[::1/0", "IPv6"),
        ("unix://", "begins with"),
        ("redis+sentinel://", "redis+sentinel:// or rediss+sentinel://"),
        ("sentinel://a/m", "redis+sentinel:// or rediss+sentinel://"),
        ("redis+sentinel://:s3cret@a", "no service behind them: redis+sentinel://host:26379,"),
        ("redis+sentinel://:s3cret@a/", "no service behind them"),
        ("redis+sentinel://:s3cret@/m", "names no sentinel"),
        ("redis+sentinel://:s3cret@a,/m/0", "neither a name nor an address"),
        ("redis+sentinel://:s3cret@a:1,b^/m", "neither a name nor an address"),
        ("redis+sentinel://:s3cret@[::1/m", "neither a name nor an address"),
        ("redis+sentinel://:s3cret@a:0,b/m", "port"),
        ("redis+sentinel://:s3cret@a:/m", "port"),
        ("redis+sentinel://:s3cret@a/m/notanumber", "the number of a database"),
        ("redis+sentinel://:s3cret@a/m/0/1", "the number of a database"),
        ("redis+sentinel://:s3cret@a/m^s3cret/0", "a service that is no name"),
        ("redis+sentinel://:9#s3cret@a/m", "# in it"),
        ("redis+sentinel://:9/s3cret@a/m", "before its @"),
        ("redis+sentinel://:9?s3cret@a/m", "before its @"),
        ("redis+sentinel://:9@s3cret@a/m", "more than one @"),
        ("redis+sentinel://:s3 cret@a/m", "a space, a line break"),
        ("redis+sentinel://a/m?sentinel_pasword=s3cret", "did you mean sentinel_password?"),
        ("redis+sentinel://a/m?db=s3cret", "db must be a whole number"),
        ("redis://a/0?sentinel_password=s3cret", "parameter"),
    ],
)
def test_an_address_of_redis_that_cannot_be_right_is_refused(address: str, said: str) -> None:
    text = refused(addresses.redis, address)
    assert said in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    "address",
    [
        "redis://cache",
        "redis://cache:6379/15",
        "redis://me:p%40ss@[::1]:6379/0",
        "rediss://:x@cache/0?ssl_cert_reqs=none&socket_timeout=2.5",
        "unix:///run/redis/redis.sock?db=2&password=x",
        "redis://cache/?protocol=3",
    ],
)
def test_an_address_that_redis_py_takes_is_taken(address: str) -> None:
    addresses.redis(address)
    pool = redis.ConnectionPool.from_url(address)
    pool.connection_class(**pool.connection_kwargs)  # where it would refuse a parameter


@pytest.mark.parametrize(
    ("address", "shown", "asked", "user"),
    [
        ("redis+sentinel://a/m", "redis+sentinel://a/m", [("a", 26379)], (None, None, 0)),
        (
            "redis+sentinel://:p%40ss@a:1,b_2,10.0.0.1:3/my.master/15",
            "redis+sentinel://:***@a:1,b_2,10.0.0.1:3/my.master/15",
            [("a", 1), ("b_2", 26379), ("10.0.0.1", 3)],
            (None, "p@ss", 15),
        ),
        (
            "REDISS+SENTINEL://me:x@[::1]:1,[::2]/m?sentinel_username=you&sentinel_password=y",
            "rediss+sentinel://me:***@[::1]:1,[::2]/m?sentinel_username=you&sentinel_password=***",
            [("::1", 1), ("::2", 26379)],
            ("me", "x", 0),
        ),
    ],
)
def test_an_address_of_sentinels_is_read_as_it_is_meant(
    address: str,
    shown: str,
    asked: list[tuple[str, int]],
    user: tuple[str | None, str | None, int],
) -> None:
    addresses.redis(address)
    assert addresses.masked(address) == shown
    pool = redis_pool(address, 2.0)
    assert isinstance(pool, MasterPool)
    sentinels = [one.connection_pool for one in pool.sentinel_manager.sentinels]
    theirs = [one.connection_kwargs for one in sentinels]
    assert [(one["host"], one["port"]) for one in theirs] == asked
    ours = pool.connection_kwargs
    assert (ours.get("username"), ours.get("password"), ours.get("db", 0)) == user
    # All are asked within the time that one server may take.
    assert sum(one["socket_timeout"] for one in theirs) == pytest.approx(2.0)
    assert ours["socket_timeout"] == 2.0
    is_tls = shown.startswith("rediss")
    assert issubclass(pool.connection_class, redis.SSLConnection) == is_tls
    for one in sentinels:
        assert issubclass(one.connection_class, redis.SSLConnection) == is_tls
        who = ("you", "y") if "sentinel_username" in shown else (None, None)
        assert (one.connection_kwargs["username"], one.connection_kwargs["password"]) == who


@pytest.mark.parametrize("name", sorted(addresses.REDIS_PARAMETERS))
def test_a_known_parameter_is_taken_behind_sentinels(name: str) -> None:
    value = {"ssl_min_version": "771", "protocol": "3", "ssl_cert_reqs": "none"}.get(name, "1")
    address = f"rediss+sentinel://a,b/m?{name}={value}"
    addresses.redis(address)
    pool = redis_pool(address, 2.0)
    pool.connection_class(**pool.connection_kwargs)  # where it would refuse a parameter


@pytest.mark.parametrize("name", sorted(addresses.REDIS_PARAMETERS))
def test_a_known_parameter_is_one_that_redis_py_takes(name: str) -> None:
    value = {"ssl_min_version": "771", "protocol": "3", "ssl_cert_reqs": "none"}.get(name, "1")
    pool = redis.ConnectionPool.from_url(f"rediss://cache/0?{name}={value}")
    pool.connection_class(**pool.connection_kwargs)


# --- feeds and webhooks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://x", "begins with http:// or https://"),
        ("https:///", "begins with http:// or https://"),
        ("https://me:s3cret@/x", "names no host"),
        ("https://me:s3%cret@host/x", "% as %25"),
        ("https://me:9#s3cret@host/x", "%23"),
        ("https://me:s3cret@host:99999/x", "port"),
        ("https://me:s3cret@host:s3cret/x", "port"),
        ("https://me:s3cret@ho st/x", "a space"),
        ("https://me:s3cret@*host/x", "host"),
        ("https://me:s3cret@[::1/x", "IPv6"),
        ("https://me:s3cret%E2%98%83@host/x", "beyond Latin-1"),
        ("https://me:s3cret@" + "ä" * 80 + "/x", "not an address"),
    ],
)
def test_an_address_that_requests_would_not_take_is_refused(address: str, said: str) -> None:
    text = refused(addresses.http, address)
    assert said in text
    assert "s3" not in text
    said_of_a_webhook = refused(addresses.webhook, address)
    assert "s3" not in said_of_a_webhook


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8002/v3/x.json", "https://me:x@mirror.org/@x?a=b", "http://[::1]:1/x"],
)
def test_an_address_that_requests_takes_is_taken(address: str) -> None:
    addresses.http(address)
    addresses.webhook(address)


# --- no piece of a password in what is said ------------------------------------------------------

ADDRESSES = {
    "DATABASE_URL": "postgresql://me:{}@db:5432/v",
    "DATABASE_LOCK_URL": "postgresql://me:{}@db:5432/v",
    "DATABASE_READ_URL": "postgresql://me:{}@db:5432/v",
    "REDIS_URL": "redis://:{}@cache:6379/0",
    "REDIS_URL of sentinels": "redis+sentinel://:{}@a:26379,b/m/0",
    "REDIS_URL with their password": "redis+sentinel://a/m?sentinel_password={}",
    "VATSIM_API_URL": "https://me:{}@mirror.org/v3/data.json",
    "VATSIM_TRANSCEIVERS_URL": "https://{}@mirror.org/v3/data.json",
    "VATSIM_STATUS_URL": "https://mirror.org/v3/status.json?token={}",
    "VATWATCH_ALERT_WEBHOOKS": "https://hooks.org/{}/x",
    "VATWATCH_API_KEYS": "{}",
}
HOSTILE = st.text(st.sampled_from(list("%@/:#?&= \"'\\\n\t[],;+!ä€0aF")), max_size=4)


@given(
    name=st.sampled_from(sorted(ADDRESSES)),
    before=HOSTILE,
    between=HOSTILE,
    after=HOSTILE,
    encoded=st.booleans(),
)
# A key that looks like an address is a key.
@example(name="VATWATCH_API_KEYS", before="", between="", after="://", encoded=False)
@example(name="VATWATCH_API_KEYS", before="http://", between="", after="/", encoded=False)
@example(name="VATWATCH_API_KEYS", before="€", between="", after="://", encoded=False)
@example(name="VATWATCH_API_KEYS", before="", between="@", after="://@", encoded=False)
def test_no_error_about_a_setting_contains_a_piece_of_a_secret(
    name: str, before: str, between: str, after: str, encoded: bool
) -> None:
    encoded |= (
        name == "VATSIM_TRANSCEIVERS_URL"
    )  # with a colon in it, it would be user and password
    secret = f"{before}{FIRST}{between}{SECOND}{after}"
    value = ADDRESSES[name].format(quote(secret, safe="") if encoded else secret)
    name = name.partition(" ")[0]
    reading = read(env={name: value}, directory=Path("/nowhere"))
    said = "\n".join((*reading.faults, *reading.warnings, *map(repr, reading.describe())))
    if reading.settings is not None:
        said += repr(reading.settings) + repr(describe(reading.settings))
        assert any(FIRST in one for one in reading.settings.secrets())
    assert FIRST not in said
    assert SECOND not in said
    for fault in reading.faults:
        assert fault.startswith(f"{name}=***: ")
        assert "\n" not in fault


def test_a_percent_sign_in_a_password_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(env={"DATABASE_URL": "postgresql://me:top%secret#1@db/v"}, directory=tmp_path)
    (line,) = str(caught.value).splitlines()[1:]
    assert line == (
        "  DATABASE_URL=***: has a % that encodes nothing: in a user or a password write % as %25"
    )


def test_not_even_the_library_s_own_text_of_an_error_shows_a_value() -> None:
    with pytest.raises(ValidationError) as caught:
        DatabaseSettings(DATABASE_URL="postgres://me:hunter22@host:x/db")
    assert "hunter22" not in f"{caught.value} {caught.value!r}"
