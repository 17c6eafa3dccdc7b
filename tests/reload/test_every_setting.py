"""No setting is declared as reloadable without a test of its effect."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.reload.effects import SHOWN
from vatwatch.config.settings import fields
from vatwatch.config.showing import is_reloadable


def test_every_reloadable_setting_has_a_test_of_its_effect() -> None:
    for module in sorted(Path(__file__).parent.glob("test_*.py")):
        import_module(f"{__package__}.{module.stem}")
    reloadable = {name for _, name, (_, field) in fields() if is_reloadable(field)}
    untested = reloadable - SHOWN.keys()
    assert untested == set(), "declared with reload=True; add a test with @takes_effect"
    assert SHOWN.keys() - reloadable == set(), "these cannot be reloaded"
