"""Redis behind sentinels: the master is found, and one that has become a replica is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.actors.harness import until
from tests.cli.doctor_house import Doctor
from tests.ports import free_port
from tests.sentinels import HOST, OF_SENTINELS, PASSWORD, SERVICE, Guarded, guarded_in
from vatwatch.cli.examination.redis import judge_sentinels
from vatwatch.errors import RedisUnavailable
from vatwatch.http.rates import RateLimit
from vatwatch.storage.redis_connection import RedisConnection
from vatwatch.storage.sentinel_look import SentinelFacts, look_at_sentinels


class Written(RedisConnection):
    """Writes and reads one key."""

    def write(self, value: str) -> None:
        self.plainly(lambda: self._redis.set("key", value))

    def read(self) -> bytes | None:
        return self.plainly(lambda: self._redis.get("key"))  # type: ignore[return-value]

    @property
    def idle(self) -> int:
        return len(self._redis.connection_pool._get_free_connections())


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_in(tmp_path_factory.mktemp("guarded")) as made:
        yield made


def refused(url: str) -> str:
    with closing(Written(url)) as client, pytest.raises(RedisUnavailable) as caught:
        client.read()
    text = str(caught.value)
    assert PASSWORD not in text
    assert OF_SENTINELS not in text
    return text


def test_sentinels_that_are_away_count_as_little_as_that_they_are_asked(guarded: Guarded) -> None:
    hosts = f"@{HOST}:{free_port()},"
    with closing(Written(guarded.url.replace("@", hosts))) as client:
        client.write("some value")
        assert client.read() == b"some value"
        assert client.server == f"{HOST}:{guarded.master()}"


def test_why_there_is_no_master_is_said(guarded: Guarded) -> None:
    assert "none of its sentinels answers" in refused(
        f"redis+sentinel://:{PASSWORD}@{HOST}:{free_port()}/{SERVICE}"
    )
    wrong = guarded.url.replace(f"={OF_SENTINELS}", "=wrong")
    assert "Set sentinel_password" in refused(wrong)
    assert "Set sentinel_password" in refused(guarded.url.partition("?")[0])
    assert "know no service another" in refused(guarded.url.replace(SERVICE, "another"))
    assert "the password is missing or wrong" in refused(guarded.url.replace(PASSWORD, "wrong"))


def test_the_doctor_names_the_sentinels_and_the_master(guarded: Guarded, tmp_path: Path) -> None:
    away = f"{HOST}:{free_port()}"
    doctor = Doctor(tmp_path, REDIS_URL=guarded.url.replace("@", f"@{away},"))
    assert PASSWORD not in doctor.printed
    assert OF_SENTINELS not in doctor.printed
    master = f"{HOST}:{guarded.master()}"
    said = [one.text for one in doctor.found("redis", "ok")]
    for port in guarded.sentinels:
        assert f"The sentinel at {HOST}:{port} names the master {master}." in said
    assert any(one.startswith(f"Redis answers at {master}: ") for one in said)
    assert doctor.one("redis", "warning").text == f"The sentinel at {away} does not answer."
    assert not doctor.found("redis", "fault")


def test_a_master_that_was_replaced_is_left_by_all_who_use_it(guarded: Guarded) -> None:
    limit = RateLimit("100/minute", redis_url=guarded.url)
    with closing(Written(guarded.url)) as first, closing(Written(guarded.url)) as second:
        first.write("before")
        assert second.read() == b"before"
        assert limit.hit("me").remaining == 99
        before, data_set, port = first.server, first.data_set, guarded.master()
        assert data_set
        until(lambda: failed_over(guarded), "the sentinels begin")
        until(lambda: guarded.master() != port, "they name another one")

        def writes_elsewhere() -> bool:
            # The old one takes writes until it is told that it is a replica.
            try:
                first.write("after")
            except RedisUnavailable:
                return False
            return first.server != before

        until(writes_elsewhere, "it writes to the other one")
        assert first.server == f"{HOST}:{guarded.master()}"
        assert first.data_set != data_set
        # It was never used meanwhile, and does not even try the one that it knows.
        assert second.read() == b"after"
        assert second.server == first.server
        assert limit.hit("me").remaining in (98, 99)


def test_a_replica_is_never_taken_for_the_master(guarded: Guarded) -> None:
    master = guarded.master()
    other = guarded.second if master == guarded.first else guarded.first
    with closing(Written(guarded.url)) as client:
        client.write("before")
        # Nobody has told the sentinels, who see it some seconds later.
        guarded.server(other).replicaof("NO", "ONE")
        guarded.server(master).replicaof(HOST, other)
        for call in (lambda: client.write("lost"), client.read):
            with pytest.raises(RedisUnavailable):
                call()
        assert "sentinels" in refused(guarded.url)


def failed_over(guarded: Guarded) -> bool:
    try:
        guarded.sentinel(guarded.sentinels[0]).sentinel_failover(SERVICE)
    except redis.ResponseError:
        return False  # it has not heard of the replica lately
    return True


def test_an_address_of_a_server_names_no_sentinels() -> None:
    assert look_at_sentinels("redis://127.0.0.1:1") == ()


def facts(number: int, **more: object) -> SentinelFacts:
    return SentinelFacts(
        **{  # type: ignore[arg-type]
            "sentinel": f"s{number}:26379",
            "master": "a:6379",
            "is_up": True,
            "replicas": 1,
            "sentinels": 3,
            "quorum": 2,
            "down_after_ms": 1000,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("different", "said"),
    [
        ({}, ""),
        ({"error": "does not answer"}, "s2:26379 does not answer"),
        ({"master": "b:6379"}, "different masters: a:6379, b:6379"),
        ({"down_after_ms": 999}, "down-after-milliseconds is 999"),
    ],
)
def test_what_one_sentinel_says_is_judged(different: dict[str, object], said: str) -> None:
    found = judge_sentinels([facts(0), facts(1), facts(2, **different)])
    warnings = [one.text for one in found if one.state.value != "ok"]
    assert (said in warnings[0] and len(warnings) == 1) if said else warnings == []


def test_too_few_of_anything_is_a_warning() -> None:
    texts = [
        one.text
        for one in judge_sentinels([facts(0, replicas=0, sentinels=1)])
        if one.state.value != "ok"
    ]
    assert len(texts) == 2
    assert "no replica" in texts[0]
    assert texts[1].startswith("1 sentinel watches the master")
