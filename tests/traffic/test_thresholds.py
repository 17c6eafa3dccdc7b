"""The numbers in the rules."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import vatwatch.traffic
from vatwatch.traffic import thresholds


@pytest.fixture(autouse=True, scope="module")
def _all_rules() -> None:
    for module in pkgutil.iter_modules(vatwatch.traffic.__path__, "vatwatch.traffic."):
        importlib.import_module(module.name)


def test_each_number_has_its_reason() -> None:
    for each in thresholds.declared():
        assert each.why.endswith("."), each
