"""Homes of several nodes in one VATWATCH_HOME."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vatwatch.errors import ConfigurationError
from vatwatch.storage.directory_lock import NAME
from vatwatch.storage.home import take_home
from vatwatch.storage.node_home import NodeHome, take_node_home


@pytest.fixture
def taken() -> Iterator[Callable[..., NodeHome]]:
    """Takes a home as a process does, which ends with the test."""
    homes = []

    def take(base: Path, *, of_one: bool = False) -> NodeHome:
        homes.append(take_node_home(base, of_one=of_one, leaving_s=0))
        return homes[-1]

    yield take
    for home in homes:
        home.lock.release()


def test_each_has_one_of_its_own_and_the_next_process_goes_on_with_one_that_is_free(
    tmp_path: Path, taken: Callable[..., NodeHome]
) -> None:
    first, second = taken(tmp_path), taken(tmp_path)
    assert first.path != second.path
    assert {first.path.parent, second.path.parent} == {tmp_path}
    assert (first.path.name, second.path.name) == (first.name, second.name)
    (first.path / "journal").mkdir()
    first.lock.release()
    again = taken(tmp_path)
    assert (again.name, again.path) == (first.name, first.path)


def test_a_service_of_one_worker_has_the_directory_itself_and_keeps_its_name(
    tmp_path: Path, taken: Callable[..., NodeHome]
) -> None:
    one = taken(tmp_path, of_one=True)
    assert one.path == tmp_path
    # One more worker of the same main process has its own in it.
    other = taken(tmp_path, of_one=True)
    assert other.path.parent == tmp_path
    assert other.name != one.name
    one.lock.release()
    again = taken(tmp_path, of_one=True)
    assert (again.name, again.path) == (one.name, tmp_path)


def test_one_of_several_goes_on_with_what_a_service_of_one_worker_has_left(
    tmp_path: Path, taken: Callable[..., NodeHome]
) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "entry").write_text("x")
    (tmp_path / "postgres").mkdir()
    (tmp_path / "vatwatch.toml").touch()
    home = taken(tmp_path)
    assert (home.path / "journal" / "entry").read_text() == "x"
    assert not (tmp_path / "journal").exists()
    # The embedded cluster is of a service that is alone, and files of the operator stay.
    assert (tmp_path / "postgres").exists()
    assert (tmp_path / "vatwatch.toml").exists()


def test_what_a_running_service_has_is_left_to_it(
    tmp_path: Path, taken: Callable[..., NodeHome]
) -> None:
    taken(tmp_path, of_one=True)
    (tmp_path / "journal").mkdir()
    assert taken(tmp_path).path != tmp_path
    assert (tmp_path / "journal").exists()


def test_a_service_that_is_alone_does_not_start_in_a_home_that_nodes_are_in(
    tmp_path: Path, taken: Callable[..., NodeHome]
) -> None:
    node = taken(tmp_path)
    with pytest.raises(ConfigurationError, match=node.name):
        take_home(tmp_path, leaving_s=0)
    node.lock.release()
    take_home(tmp_path, leaving_s=0).release()


def test_a_name_that_somebody_has_spoilt_is_replaced(
    tmp_path: Path, taken: Callable[..., NodeHome]
) -> None:
    for text in ("", "a b", "x" * 1000, "../.."):
        (tmp_path / "node").write_text(text)
        one = taken(tmp_path, of_one=True)
        assert one.name == (tmp_path / "node").read_text().strip() != text
        one.lock.release()


def test_a_directory_that_cannot_be_written_is_named(
    tmp_path: Path, taken: Callable[..., NodeHome]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="VATWATCH_HOME"):
        taken(tmp_path / "file")


HOLD = """
import sys, time
from pathlib import Path
from vatwatch.storage.directory_lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]), of_node=sys.argv[2] == "node")
lock.take()
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def held_by_another(base: Path, what: str) -> Iterator[None]:
    """Another process has VATWATCH_HOME itself: a `node`, or a `service` that is alone."""
    command = [sys.executable, "-c", HOLD, str(base), what]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            yield
        finally:
            other.kill()


def test_a_service_of_one_worker_does_not_share_the_directory_with_one_that_is_alone(
    tmp_path: Path, taken: Callable[..., NodeHome]
) -> None:
    with (
        held_by_another(tmp_path, "service"),
        pytest.raises(ConfigurationError, match="in use by process"),
    ):
        taken(tmp_path, of_one=True)


def test_services_of_one_worker_each_share_a_directory_as_containers_share_a_volume(
    tmp_path: Path, taken: Callable[..., NodeHome]
) -> None:
    with held_by_another(tmp_path, "node"):
        beside = taken(tmp_path, of_one=True)
        assert beside.path.parent == tmp_path
        beside.lock.release()
        # Its successor goes on with what it has left, as the directory itself is still taken; also
        # if the process that has it is of another container, whose ids mean nothing here.
        (tmp_path / NAME).write_text(f"{2**31 - 1}\nat elsewhere pid:[1]\nof a node\n")
        again = taken(tmp_path, of_one=True)
        assert (again.name, again.path) == (beside.name, beside.path)
        again.lock.release()
    alone = taken(tmp_path, of_one=True)
    assert alone.path == tmp_path
