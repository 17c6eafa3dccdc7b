"""Settings of limits and webhooks: what is wrong is said, and no secret with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vatwatch.actors.machine import limits_here
from vatwatch.actors.notifier import webhooks_of
from vatwatch.config.settings import describe, load
from vatwatch.errors import ConfigurationError
from vatwatch.monitoring.resources import Resource

SECRET = "very-secret-token"


def test_webhooks_are_read_from_one_line_and_shown_nowhere(tmp_path: Path) -> None:
    urls = f"https://discord.com/api/webhooks/1/{SECRET}, http://127.0.0.1/{SECRET}"
    settings = load(env={"VATWATCH_ALERT_WEBHOOKS": urls}, directory=tmp_path)
    webhooks = webhooks_of(settings.alerts)
    assert [w.form for w in webhooks] == ["discord", "json"]
    assert [w.name for w in webhooks] == ["webhook 1 (discord.com)", "webhook 2 (127.0.0.1)"]
    assert webhooks[0].url == f"https://discord.com/api/webhooks/1/{SECRET}"
    assert SECRET not in repr(describe(settings)) + repr(settings)


@pytest.mark.parametrize("url", ["htps://discord.com/", "discord.com/", "https:///"])
def test_an_address_that_is_none_is_refused_without_being_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(env={"VATWATCH_ALERT_WEBHOOKS": url + SECRET}, directory=tmp_path)
    assert "VATWATCH_ALERT_WEBHOOKS" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("soft", "hard"),
    [
        ({"VATWATCH_MEMORY_SOFT_MB": "200"}, {"VATWATCH_MEMORY_HARD_MB": "100"}),
        ({"VATWATCH_DISK_SOFT_MB": "100"}, {"VATWATCH_DISK_HARD_MB": "200"}),
        ({"VATWATCH_HUB_SOFT_MS": "200"}, {"VATWATCH_HUB_HARD_MS": "100"}),
    ],
)
def test_a_hard_limit_before_the_soft_one_is_refused(
    tmp_path: Path, soft: dict[str, str], hard: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(soft))):
        load(env=soft | hard, directory=tmp_path)


def test_limits_that_are_not_set_come_from_the_machine(tmp_path: Path) -> None:
    settings = load(env={"VATWATCH_HOME": str(tmp_path / "not" / "yet")}, directory=tmp_path)
    found = limits_here(settings.resources, settings.general.home)
    assert 0 < found[Resource.MEMORY].soft < found[Resource.MEMORY].hard
    assert 0 < found[Resource.DISK].hard < found[Resource.DISK].soft <= 2048
