"""Files of areas that are gone: with a last good copy they are taken, without one refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.actors.area_house import boundaries
from vatwatch.config.area_copies import AREAS, LIST_NAME, SUFFIX
from vatwatch.config.settings import Reading, read
from vatwatch.storage.area_copies import AreaCopies
from vatwatch.storage.area_files import read_place
from vatwatch.traffic.areas.given_file import AreaSetting, GivenPlace


@pytest.fixture
def firs(tmp_path: Path) -> Path:
    """A file that is gone, and whose copy is in the home."""
    file = tmp_path / "firs.geojson"
    file.write_bytes(boundaries("AAAA"))
    reading = read_place(GivenPlace(AreaSetting.POSITIONS, str(file)), ())
    AreaCopies(tmp_path / "home" / AREAS).write(reading.good)
    file.unlink()
    return file


def reading_of(home: Path, **given: object) -> Reading:
    env = {"VATWATCH_HOME": str(home), **{name: str(value) for name, value in given.items()}}
    return read(env=env, directory=home.parent, for_service=True)


def test_a_file_that_is_gone_is_taken_if_its_last_good_copy_is_there(
    tmp_path: Path, firs: Path
) -> None:
    reading = reading_of(tmp_path / "home", VATWATCH_POSITIONS_DATA=firs)
    assert reading.faults == ()
    again = reading.accepted().origin.read_again()
    assert again.faults == ()
    for gone in (firs.mkdir, firs.rmdir):  # an empty directory is none of its own, either
        gone()
        assert reading_of(tmp_path / "home", VATWATCH_POSITIONS_DATA=firs).faults == ()


def nowhere(_home: Path) -> None:
    """There is a copy, and not of this file."""


def without_list(home: Path) -> None:
    (home / LIST_NAME).unlink()


def broken_list(home: Path) -> None:
    (home / LIST_NAME).write_bytes(b'{"copies": [{"setting"')


def another_list(home: Path) -> None:
    (home / LIST_NAME).write_bytes(b'{"copies": [{"setting": 7}]}')


def without_content(home: Path) -> None:
    for path in home.glob(f"*{SUFFIX}"):
        path.unlink()


@pytest.mark.parametrize(
    "spoil", [nowhere, without_list, broken_list, another_list, without_content]
)
def test_without_a_copy_it_is_refused_in_one_line(
    spoil: Callable[[Path], None], tmp_path: Path, firs: Path
) -> None:
    spoil(tmp_path / "home" / AREAS)
    name, given = "VATWATCH_POSITIONS_DATA", str(firs)
    if spoil is nowhere:
        given = f"/etc,{firs}s"
    (fault,) = reading_of(tmp_path / "home", **{name: given}).faults
    assert fault.startswith(f"{name}={given}: ")
    assert "must be a file or a directory that exists" in fault


def test_a_copy_counts_for_the_setting_that_named_its_file_alone(
    tmp_path: Path, firs: Path
) -> None:
    (fault,) = reading_of(tmp_path / "home", VATWATCH_SECTORS=firs).faults
    assert fault.startswith("VATWATCH_SECTORS=")
