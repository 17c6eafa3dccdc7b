"""The settings that a worker keeps are found whole, or not at all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vatwatch.config.settings import load
from vatwatch.server import kept_settings
from vatwatch.server.kept_settings import KeptSettings
from vatwatch.traffic.filters import Filters
from vatwatch.traffic.pipeline import Options

SETTINGS = load(env={"VATWATCH_API_KEYS": "a-long-enough-key"}, directory=Path("/nowhere"))
OPTIONS = Options(filters=Filters(callsign=re.compile("^AB")))


def test_the_latest_that_were_kept_are_found() -> None:
    kept = KeptSettings()
    assert kept.kept() is None
    for options in (OPTIONS, Options()):
        kept.keep(SETTINGS, options)
        assert kept.kept() == (SETTINGS, options)


def test_who_is_killed_in_the_middle_has_kept_nothing() -> None:
    kept = KeptSettings()
    kept.keep(SETTINGS, OPTIONS)
    kept._memory[100] ^= 1
    assert kept.kept() is None


def test_settings_that_are_too_large_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_settings, "ROOM", 1000)
    kept = KeptSettings()
    kept.keep(SETTINGS, OPTIONS)
    assert kept.kept() is None
