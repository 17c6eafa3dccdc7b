"""What the tests of actors have in common."""

from __future__ import annotations

import pytest

from vatwatch.supervision import Backoff


@pytest.fixture(autouse=True)
def retries_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits between retries, which are tested elsewhere."""
    for part in ("cache", "history", "processor"):
        monkeypatch.setattr(f"vatwatch.actors.{part}.RETRY_S", 0.1)
    monkeypatch.setattr("vatwatch.actors.store.BACKOFF", Backoff(base_s=0.1, cap_s=0.3))
