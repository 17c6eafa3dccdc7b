"""Settings are changed while the tree runs: each takes effect, and a bad file changes nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.actors.harness import PATIENCE_S, until
from tests.actors.reloading import SOON, UNWATCHED, Reloading, hold_times, reloading
from vatwatch.supervision import Fault, FaultKind, State

# --- all or nothing -------------------------------------------------------------------------------


def test_a_bad_file_changes_nothing_and_every_fault_is_reported_without_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with reloading(tmp_path, VATWATCH_ALERT_HOLD=30) as (one, _feeds):
        one.change(
            VATWATCH_ALERT_HOLD=17,
            VATWATCH_ALERT_CLEAR="soon",
            VATWATCH_ALERT_WEBHOOKS="ftp://example.org/s3cret-token",
            VATWATCH_POLL=5,
        )
        answer = one.order()
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        faults = "\n".join(answer.json["faults"]).upper()
        for name in ("VATWATCH_ALERT_CLEAR", "VATWATCH_ALERT_WEBHOOKS", "VATWATCH_POLL"):
            assert name in faults
        assert one.in_force("VATWATCH_ALERT_HOLD")["value"] == "30"
        assert hold_times(one) >= {30.0}
        until(lambda: one.events("CONFIG_REJECTED"), "the event")
        until(
            lambda: one.get("/api/services/config_watcher/health")["health"] == "degraded",
            "its health",
        )
        until(
            lambda: any(
                e["operation"] == "reload settings" for e in one.get("/api/errors")["errors"]
            ),
            "the error",
        )
        told = [r.getMessage() for r in caplog.records if "refused" in r.getMessage()]
        assert len(told) == 1
        shown = [one.get(path) for path in ("/api/config", "/api/errors", "/api/events")]
        metrics = one.running.http.simulate_get("/metrics").text
        everything = " ".join([faults, *told, json.dumps(shown), metrics])
        assert "s3cret-token" not in everything.lower()

        for name in ("VATWATCH_ALERT_CLEAR", "VATWATCH_ALERT_WEBHOOKS", "VATWATCH_POLL"):
            del one.settings[name]
        one.write()
        until(lambda: one.in_force("VATWATCH_ALERT_HOLD")["value"] == "17", "the good file")
        until(
            lambda: one.get("/api/services/config_watcher/health")["health"] == "healthy",
            "its health",
        )


def test_what_needs_a_restart_is_named_and_keeps_its_value(tmp_path: Path) -> None:
    with reloading(tmp_path, **UNWATCHED) as (one, _feeds):
        one.change(PORT=9999, VATWATCH_ALERT_HOLD=17)
        answer = one.order().json
        assert answer["needs_restart"] == ["PORT"]
        assert {change["name"] for change in answer["changed"]} == {"VATWATCH_ALERT_HOLD"}
        port = one.in_force("PORT")
        assert (port["value"], port["pending"], port["reloadable"]) == ("8001", "9999", False)
        until(lambda: one.events("CONFIG_RELOADED"), "the event")
        (event,) = one.events("CONFIG_RELOADED")
        assert event["payload"]["needs_restart"] == ["PORT"]
        one.change(PORT=8001)
        assert one.order().json["needs_restart"] == []


def test_a_setting_that_needs_a_restart_is_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> int:
        return sum("PORT is set to another value" in r.getMessage() for r in caplog.records)

    with reloading(tmp_path) as (one, _feeds):
        one.change(PORT=9999)
        until(lambda: told() == 1, "the line")
        one.change(VATWATCH_ALERT_HOLD=17)
        until(lambda: one.in_force("VATWATCH_ALERT_HOLD")["value"] == "17", "the other change")
        assert told() == 1
        one.order()
        assert told() == 2  # whoever asks is told again
        assert "nothing has changed" not in caplog.text


def test_the_sources_go_on_in_their_order(tmp_path: Path) -> None:
    with reloading(tmp_path, environment={"VATWATCH_ALERT_HOLD": 44}, **UNWATCHED) as (
        one,
        _feeds,
    ):
        one.change(VATWATCH_ALERT_HOLD=17)
        (tmp_path / ".env").write_text("VATWATCH_ALERT_CLEAR=23\n")
        assert {c["name"] for c in one.order().json["changed"]} == {"VATWATCH_ALERT_CLEAR"}
        assert one.in_force("VATWATCH_ALERT_HOLD")["source"] == "environment"
        assert one.in_force("VATWATCH_ALERT_CLEAR")["source"] == ".env"


def test_only_a_client_with_a_key_may_order_a_reload(tmp_path: Path) -> None:
    with reloading(tmp_path) as (one, _feeds):
        assert one.order(key="not-one-of-ours").status_code == 401
        assert one.order().status_code == 200


# --- the files ------------------------------------------------------------------------------------


def hold(one: Reloading) -> str:
    return str(one.in_force("VATWATCH_ALERT_HOLD")["value"])


def test_an_editor_that_puts_a_new_file_in_the_place_of_the_old_one_is_noticed(
    tmp_path: Path,
) -> None:
    with reloading(tmp_path) as (one, _feeds):
        new = tmp_path / "vatwatch.toml.swp"
        one.settings["VATWATCH_ALERT_HOLD"] = 17
        text, old = one.toml.read_text(), one.toml.stat()
        new.write_text(text + "vatwatch_alert_hold = 17\n")
        os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))  # not even the time is another
        new.rename(one.toml)
        until(lambda: hold(one) == "17", "the new file")


def test_a_mounted_directory_whose_link_is_swapped_is_noticed(tmp_path: Path) -> None:
    with reloading(tmp_path) as (one, _feeds):
        for number in (1, 2):
            (tmp_path / f"..data_{number}").mkdir()
        text = one.toml.read_text()
        (tmp_path / "..data_1" / "vatwatch.toml").write_text(text + "vatwatch_alert_hold = 17\n")
        (tmp_path / "..data_2" / "vatwatch.toml").write_text(text + "vatwatch_alert_hold = 18\n")
        (tmp_path / "..data").symlink_to("..data_1")
        (tmp_path / "link").symlink_to(Path("..data") / "vatwatch.toml")
        (tmp_path / "link").rename(one.toml)
        until(lambda: hold(one) == "17", "the first")
        (tmp_path / "..data_tmp").symlink_to("..data_2")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        until(lambda: hold(one) == "18", "the second")


def test_a_file_that_disappears_changes_nothing_until_a_reload_is_ordered(tmp_path: Path) -> None:
    with reloading(
        tmp_path, VATWATCH_ALERT_HOLD=17, environment={**SOON, "VATSIM_POLL_INTERVAL": 0.1}
    ) as (one, _feeds):
        one.toml.unlink()
        until(lambda: one.get("/api/config")["faults"], "it is told")
        assert "is gone" in one.get("/api/config")["faults"][0]
        assert hold(one) == "17"
        # (The keys come from the environment, or nobody could order it.)
        assert one.order().status_code == 200
        assert hold(one) == "30"


def test_a_file_that_is_not_whole_yet_is_taken_when_it_is(tmp_path: Path) -> None:
    with reloading(tmp_path) as (one, _feeds):
        text = one.toml.read_text()
        one.toml.write_text(text + 'vatwatch_alert_hold = 17\nvatsim_contact = "half')
        until(lambda: one.get("/api/config")["faults"], "it is refused")
        assert hold(one) == "30"
        one.toml.write_text(text + 'vatwatch_alert_hold = 17\nvatsim_contact = "whole"\n')
        until(lambda: hold(one) == "17", "it is taken")


def test_a_file_that_is_only_touched_changes_nothing(tmp_path: Path) -> None:
    with reloading(tmp_path) as (one, _feeds):
        os.utime(one.toml)
        assert one.order().json["changed"] == []
        assert one.get("/api/config")["version"] == 0
        assert one.events("CONFIG_RELOADED") == []


# --- restarts, and reloads at the same time -------------------------------------------------------


@pytest.mark.parametrize("name", ["alerter", "config_watcher"])
def test_a_part_that_restarts_starts_with_the_settings_that_are_in_force(
    tmp_path: Path, name: str
) -> None:
    with reloading(tmp_path) as (one, _feeds):
        one.change(VATWATCH_ALERT_HOLD=17)
        assert one.order().status_code == 200
        one.running.tree.restart(next(
            n.path for n in one.running.tree.snapshot().walk() if n.name == name))  # fmt: skip
        until(lambda: one.running.node(name).restarts_total == 1, "it is restarted")
        until(lambda: 17.0 in hold_times(one), "the rules")
        assert hold(one) == "17"


def test_a_part_that_crashes_on_the_change_comes_back_with_it(tmp_path: Path) -> None:
    with reloading(tmp_path) as (one, _feeds):
        one.running.tree.faults.inject(
            Fault(FaultKind.CRASH, "alerter", message_type="SettingsChanged")
        )
        one.change(VATWATCH_ALERT_HOLD=17)
        assert one.order().status_code == 200
        until(lambda: one.running.node("alerter").restarts_total == 1, "it is restarted")
        until(lambda: 17.0 in hold_times(one), "the rules")


def test_settings_that_a_part_cannot_live_with_suspend_it_and_the_next_ones_cure_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vatwatch.actors import alerter

    good = alerter.rules_with

    def bad(hold_of: Any, clear_of: Any) -> Any:
        if hold_of("unhealthy") == 13:
            raise RuntimeError("a bug that 13 wakes")
        return good(hold_of, clear_of)

    monkeypatch.setattr(alerter, "rules_with", bad)
    with reloading(tmp_path, CIRCUIT_BREAKER_TIMEOUT=0.3, CIRCUIT_BREAKER_MAX_TIMEOUT=0.3) as (
        one,
        _feeds,
    ):
        one.change(VATWATCH_ALERT_HOLD=13)
        assert one.order().status_code == 200
        until(lambda: one.running.node("alerter").state is State.SUSPENDED, "its breaker is open")
        one.running.until_served(one.running.next_update())
        one.change(VATWATCH_ALERT_HOLD=17)
        assert one.order().status_code == 200
        until(lambda: one.running.node("alerter").state is State.RUNNING, "it is tried again")
        until(lambda: 17.0 in hold_times(one), "the rules")


def test_many_changes_and_orders_at_once_end_with_the_last_file(tmp_path: Path) -> None:
    with reloading(tmp_path) as (one, feeds):
        codes: list[int] = []

        def order() -> None:
            codes.append(one.order().status_code)

        greenlets = []
        for number in range(1, 30):
            one.change(VATWATCH_ALERT_HOLD=100 + number)
            greenlets.append(gevent.spawn(order))
            if number % 5 == 0:
                feeds.advance()
            gevent.sleep(0.01)
        gevent.joinall(greenlets, timeout=PATIENCE_S)
        until(lambda: hold(one) == "129", "the last file")
        until(lambda: 129.0 in hold_times(one), "the rules")
        assert set(codes) == {200}
        assert all(n.failures == 0 for n in one.running.tree.snapshot().walk())


def test_a_shorter_interval_of_the_looks_counts_at_once(tmp_path: Path) -> None:
    with reloading(tmp_path, VATWATCH_CONFIG_INTERVAL=3600) as (one, _):
        one.change(VATWATCH_CONFIG_INTERVAL=0.05)
        assert one.order().status_code == 200
        one.change(CACHE_TTL_DEFAULT=123)  # and nobody orders anything
        until(lambda: one.in_force("CACHE_TTL_DEFAULT")["value"] == "123")
