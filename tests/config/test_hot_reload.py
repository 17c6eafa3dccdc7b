"""What a reload changes, and what waits for a restart. (In a running tree: tests/actors.)"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.config.hot_reload import plan_reload
from vatwatch.config.settings import Settings, fields, load
from vatwatch.config.showing import is_reloadable

NAMES = [(name, field) for _, name, (_, field) in fields()]
NOWHERE = Path("/nowhere")
# Two right values of each setting whose default is no number; of a number, half of it.
OTHERS = {
    "VATWATCH_HOME": "elsewhere",
    "VATWATCH_LOG_LEVEL": "debug",
    "VATWATCH_ALERT_WEBHOOKS": "https://example.org/hooks/abcdefgh",
    "VATWATCH_API_KEYS": "a-key-of-ours",
    "DATABASE_URL": "postgresql://me:hunter22@host/db",
    "DATABASE_LOCK_URL": "postgresql://me:hunter22@direct/db",
    "REDIS_URL": "redis://:hunter22@host/0",
    "PORT": "8010",
    "VATWATCH_FILTER_CALLSIGN": "^LO",
}


def settings(**env: str) -> Settings:
    return load(env=env, directory=NOWHERE)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_a_setting_takes_effect_at_once_or_is_named_as_waiting_for_a_restart(name: str) -> None:
    before, read = settings(), settings(**{name: OTHERS[name]})
    plan = plan_reload(before, read)
    reloadable = dict(NAMES)[name]
    assert is_reloadable(reloadable) is ([change.name for change in plan.changed] == [name])
    assert is_reloadable(reloadable) is not ([c.name for c in plan.needs_restart] == [name])
    (change,) = (*plan.changed, *plan.needs_restart)
    assert "hunter22" not in f"{change}"
    assert "abcdefgh" not in f"{change}"
    assert "a-key-of-ours" not in f"{change}"


@given(chosen=st.dictionaries(st.sampled_from(sorted(OTHERS)), st.just(None)))
def test_reloadable_settings_are_new_and_the_others_keep_their_old_value(
    chosen: dict[str, None],
) -> None:
    before, read = settings(), settings(**{name: OTHERS[name] for name in chosen})
    plan = plan_reload(before, read)
    for section, _, (attribute, field) in fields():
        source = read if is_reloadable(field) else before
        assert getattr(getattr(plan.settings, section), attribute) == getattr(
            getattr(source, section), attribute
        )
    assert {c.name for c in (*plan.changed, *plan.needs_restart)} == set(chosen)
    assert plan.settings.version == bool(plan.changed)
    # Again: nothing has changed since, and the same waits for the restart.
    again = plan_reload(plan.settings, read)
    assert again.changed == ()
    assert again.needs_restart == plan.needs_restart
    assert again.settings.version == plan.settings.version


def test_the_source_of_a_value_is_that_of_the_value_in_force() -> None:
    plan = plan_reload(settings(), settings(PORT="8010", VATWATCH_ALERT_HOLD="17"))
    assert "PORT" not in plan.settings.sources
    assert plan.settings.sources["VATWATCH_ALERT_HOLD"] == "environment"


def test_neither_settings_nor_a_change_of_them_show_the_environment() -> None:
    assert "hunter22" not in repr(settings(DATABASE_URL=OTHERS["DATABASE_URL"], X="hunter22"))
