"""What the settings mean for the rules of traffic."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from vatwatch.actors.traffic_options import read_options
from vatwatch.config.settings import describe, load
from vatwatch.errors import ConfigurationError
from vatwatch.traffic.contact_rules import ContactRules


@pytest.mark.parametrize(
    ("env", "minutes"),
    [
        ({}, 15),
        ({"VATWATCH_RECONNECT_WINDOW": "600"}, 10),
        ({"VATWATCH_SESSION_WINDOW": "1200"}, 20),
        ({"VATWATCH_RECONNECT_WINDOW": "600", "VATWATCH_SESSION_WINDOW": "1200"}, 20),
    ],
)
def test_sessions_have_the_window_of_flights_unless_they_have_their_own(
    env: dict[str, str], minutes: int, tmp_path: Path
) -> None:
    settings = load(env=env, directory=tmp_path)
    rules = read_options(settings.traffic, settings.contacts).rules
    assert rules.session_window == timedelta(minutes=minutes)


def test_contacts_have_the_ranges_and_channels_that_are_set(tmp_path: Path) -> None:
    settings = load(env={}, directory=tmp_path)
    assert read_options(settings.traffic, settings.contacts).rules.contacts == ContactRules()
    env = {
        "VATWATCH_RANGE_DEL_NM": "1",
        "VATWATCH_RANGE_GND_NM": "2",
        "VATWATCH_RANGE_TWR_NM": "3",
        "VATWATCH_RANGE_APP_NM": "4",
        "VATWATCH_RANGE_CTR_NM": "5",
        "VATWATCH_RANGE_FSS_NM": "6.5",
        "VATWATCH_CONTACT_EXCLUDED": "122.800, 123.45",
    }
    settings = load(env=env, directory=tmp_path)
    rules = read_options(settings.traffic, settings.contacts).rules.contacts
    assert rules == ContactRules(1, 2, 3, 4, 5, 6.5, frozenset({122_800_000, 123_450_000}))


def test_off_leaves_out_no_channel_and_is_shown_as_off(tmp_path: Path) -> None:
    settings = load(env={"VATWATCH_CONTACT_EXCLUDED": "off"}, directory=tmp_path)
    rules = read_options(settings.traffic, settings.contacts).rules.contacts
    assert rules.excluded_hz == frozenset()
    values = {one.name: one.value for one in describe(settings)}
    assert values["VATWATCH_CONTACT_EXCLUDED"] == "off"


@pytest.mark.parametrize("wrong", ["122.8 and 121.5", "guard", "0", "-1", "nan", ",", "off, 121.5"])
def test_a_channel_to_leave_out_that_is_no_frequency_is_refused(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="VATWATCH_CONTACT_EXCLUDED"):
        load(env={"VATWATCH_CONTACT_EXCLUDED": wrong}, directory=tmp_path)
