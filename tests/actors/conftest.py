"""What the tests of actors have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.actors.hook_server import HookServer
from vatwatch.supervision import Backoff


@pytest.fixture(autouse=True)
def retries_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits between retries, which are tested elsewhere."""
    for part in ("cache", "history", "processor"):
        monkeypatch.setattr(f"vatwatch.actors.{part}.RETRY_S", 0.1)
    monkeypatch.setattr("vatwatch.actors.store.BACKOFF", Backoff(base_s=0.1, cap_s=0.3))


@pytest.fixture
def hook() -> Iterator[HookServer]:
    """Takes what webhooks are told."""
    with HookServer() as hook:
        yield hook
