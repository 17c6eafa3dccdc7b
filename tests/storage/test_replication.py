"""How far a replica is behind, from positions and moments alone."""

from __future__ import annotations

from vatwatch.storage.replication import REMEMBERED, LogPosition, ReplicaLag


def primary(at: int, system: int = 1) -> LogPosition:
    return LogPosition(system, standby=False, at=at, quiet_s=None)


def replica(at: int, quiet_s: float | None = None) -> LogPosition:
    return LogPosition(1, standby=True, at=at, quiet_s=quiet_s)


def test_without_having_seen_the_primary_it_is_not_known() -> None:
    assert ReplicaLag().behind_s(replica(5), 10.0) is None


def test_it_is_behind_since_the_primary_had_what_it_has_not() -> None:
    lag = ReplicaLag()
    for moment, at in ((0.0, 100), (1.0, 200), (2.0, 200), (3.0, 300)):
        lag.primary_seen(primary(at), moment)
    assert lag.behind_s(replica(300, quiet_s=999), 4.0) == 0
    assert lag.behind_s(replica(299, quiet_s=999), 4.0) == 1.0
    assert lag.behind_s(replica(200, quiet_s=999), 4.0) == 1.0
    assert lag.behind_s(replica(199, quiet_s=999), 4.0) == 3.0


def test_an_hour_without_a_write_is_no_lag() -> None:
    lag = ReplicaLag()
    for second in range(3600):
        lag.primary_seen(primary(100), float(second))
    assert lag.behind_s(replica(100, quiet_s=3600), 3600.0) == 0


def test_behind_since_before_the_first_look_its_own_clock_says_for_how_long() -> None:
    lag = ReplicaLag()
    lag.primary_seen(primary(100), 0.0)
    assert lag.behind_s(replica(50, quiet_s=7200), 1.0) == 7200
    assert lag.behind_s(replica(50), 1.0) == 1.0


def test_a_longer_lag_than_is_remembered_is_at_least_so_long() -> None:
    lag = ReplicaLag()
    for second in range(2 * REMEMBERED):
        lag.primary_seen(primary(100 + second), float(second))
    found = lag.behind_s(replica(1), 2.0 * REMEMBERED)
    assert found is not None
    assert found >= REMEMBERED


def test_what_is_promoted_lags_behind_nobody() -> None:
    lag = ReplicaLag()
    lag.primary_seen(primary(100), 0.0)
    assert lag.behind_s(primary(50), 9.0) == 0


def test_a_successor_that_is_not_as_far_as_its_predecessor_was_is_the_measure_now() -> None:
    lag = ReplicaLag()
    lag.primary_seen(primary(300), 0.0)
    lag.primary_seen(primary(200), 1.0)
    assert lag.behind_s(replica(200), 2.0) == 0


def test_a_server_of_another_cluster_is_told_apart() -> None:
    lag = ReplicaLag()
    assert not lag.is_of_another(replica(1))
    lag.primary_seen(primary(100, system=2), 0.0)
    assert lag.is_of_another(replica(1))
    lag.primary_seen(primary(100, system=1), 1.0)
    assert not lag.is_of_another(replica(1))
