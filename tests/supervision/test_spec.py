from __future__ import annotations

from typing import Any

import pytest

from vatwatch.supervision import Restart, Strategy, Tree, supervisor, worker

from .helpers import Scribe, scribe


def test_worker_passes_arguments_on_and_has_the_documented_defaults() -> None:
    spec = worker("store", Scribe, 1, colour="red")
    assert (spec.args, spec.kwargs) == ((1,), {"colour": "red"})
    assert (spec.restart, spec.shutdown_s, spec.start_s) == (Restart.PERMANENT, 5.0, 30.0)
    assert (spec.handler_deadline_s, spec.mailbox) == (60.0, 1000)


def test_supervisor_has_the_documented_defaults() -> None:
    spec = supervisor("data", children=[worker("store", Scribe, [])])
    assert (spec.strategy, spec.intensity, spec.period_s) == (Strategy.ONE_FOR_ONE, 5, 30.0)
    assert spec.shutdown_s is None


@pytest.mark.parametrize(
    "wrong", [{"mailbox": 0}, {"shutdown_s": -1}, {"start_s": 0}, {"handler_deadline_s": 0}]
)
def test_worker_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="store"):
        worker("store", Scribe, **wrong)


@pytest.mark.parametrize("wrong", [{"intensity": -1}, {"period_s": 0}])
def test_supervisor_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="data"):
        supervisor("data", **wrong)


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_name_is_one_step_of_a_path(name: str) -> None:
    with pytest.raises(ValueError, match="slash"):
        worker(name, Scribe)


def test_the_same_name_twice_in_a_tree_is_refused() -> None:
    inner = supervisor("data", children=[scribe("store", [])])
    with pytest.raises(ValueError, match="store"):
        Tree(supervisor("root", children=[inner, scribe("store", [])]))
