"""What the tests of settings that are reloaded have in common."""

from __future__ import annotations

import pytest


@pytest.fixture
def database_url(filled_database_url: str) -> str:
    """A database of the test's own, as after a first start.

    What an empty one becomes is seen in tests/actors/test_starts_and_stops.py and by the commands.
    """
    return filled_database_url
