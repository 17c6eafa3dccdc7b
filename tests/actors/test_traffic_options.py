"""What the settings mean for the rules of traffic."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from vatwatch.actors.traffic_options import read_options
from vatwatch.config.settings import load


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
    rules = read_options(load(env=env, directory=tmp_path).traffic).rules
    assert rules.session_window == timedelta(minutes=minutes)
