"""What only an operator sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.actors.harness import KEY, Poison, running, until
from vatwatch.access.api_keys import make_key
from vatwatch.access.scopes import Scope

OPERATOR = {"Authorization": f"Bearer {KEY}"}


def tracebacks(value: Any) -> list[str]:
    """Every traceback in an answer."""
    if isinstance(value, list):
        return [found for one in value for found in tracebacks(one)]
    if not isinstance(value, dict):
        return []
    own = [value["traceback"]] if "traceback" in value else []
    return own + [found for one in value.values() for found in tracebacks(one)]


def test_tracebacks_are_shown_to_operators_alone(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path, database_url) as service:
        service.tree.directory.address("cache").tell(Poison())
        until(lambda: service.node("cache").restarts_total == 1)
        get = service.http.simulate_get
        made = service.http.simulate_post(
            "/api/keys", json={"name": "reader", "scopes": ["read", "events"]}, headers=OPERATOR
        ).json
        unknown = make_key("x", {Scope.ADMIN}, service.service.started_at).text
        for path in (
            "/api/errors?service=cache",
            "/api/supervision/tree",
            "/api/supervision/vatwatch/data/cache",
        ):
            until(lambda path=path: tracebacks(get(path).json), path)  # type: ignore[misc]
            shown = tracebacks(get(path, headers=OPERATOR).json)
            assert any("Poison" in one for one in shown), path
            for key in ("", made["key"], unknown, "wrong"):
                headers = {"Authorization": f"Bearer {key}"} if key else None
                answer = get(path, headers=headers)
                assert set(tracebacks(answer.json)) == {""}, path
                assert "site-packages" not in answer.text
                assert 'File "' not in answer.text
