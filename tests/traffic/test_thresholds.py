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


# Of each version of the rules. Where a number was changed, raise RULES_VERSION, and add the new
# fingerprint; the others stay, as there is history by them. A version that was never released may
# get another one.
FINGERPRINTS = {1: "d6f0407ee58d4996"}


def test_no_number_of_a_rule_changes_without_a_new_version_of_the_rules() -> None:
    assert max(FINGERPRINTS) == thresholds.RULES_VERSION
    assert thresholds.fingerprint() == FINGERPRINTS[thresholds.RULES_VERSION]


def test_each_number_has_its_reason() -> None:
    for each in thresholds.declared():
        assert each.why.endswith("."), each
