"""What the tests of the commands have in common."""

from __future__ import annotations

import pytest


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """Commands meet databases that the service has not seen yet."""
    return empty_database_url
