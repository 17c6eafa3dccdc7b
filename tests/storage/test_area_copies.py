"""The copies of the files of areas: whoever reads them has one list or the other, and all of it."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from pathlib import Path

from tests.actors.area_house import boundaries
from vatwatch.config.area_copies import LIST_NAME
from vatwatch.storage.area_copies import AreaCopies, GoodFile
from vatwatch.storage.area_files import take_body
from vatwatch.traffic.areas.given_file import AreaSetting, GivenPlace

PLACE = GivenPlace(AreaSetting.POSITIONS, "/somewhere")
ROUNDS = 6

WRITER = """
import sys
from pathlib import Path
from tests.storage.test_area_copies import one_set
from vatwatch.storage.area_copies import AreaCopies
copies = AreaCopies(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    for number in (1, 2):
        copies.write(one_set(number))
"""


def one_set(number: int) -> list[GoodFile]:
    """Three files whose areas have this number in their names."""
    return [
        take_body(PLACE, boundaries(f"A{number}{file}"), f"{file}.geojson", None)
        for file in range(3)
    ]


def read(directory: Path) -> list[str]:
    return sorted(AreaCopies(directory).known([PLACE]).areas)


def test_what_was_written_is_read_and_what_no_list_names_is_deleted(tmp_path: Path) -> None:
    copies = AreaCopies(tmp_path / "areas")
    assert copies.read([PLACE]) == []
    copies.write(one_set(1))
    copies.write(one_set(2))
    assert read(tmp_path / "areas") == ["A20", "A21", "A22"]
    assert len([*(tmp_path / "areas").iterdir()]) == 4
    assert copies.read([GivenPlace(AreaSetting.SECTORS, "/somewhere")]) == []


def test_a_copy_that_is_damaged_or_gone_costs_itself(tmp_path: Path) -> None:
    copies = AreaCopies(tmp_path)
    good = one_set(1)
    copies.write(good)
    damaged, gone, _ = (tmp_path / f"{one.copy.digest}.gz" for one in good)
    damaged.write_bytes(good[1].packed)
    gone.unlink()
    assert read(tmp_path) == ["A12"]
    copies.write(good)
    assert {"A11", "A12"} <= set(read(tmp_path))


def test_a_list_that_cannot_be_read_is_no_list(tmp_path: Path) -> None:
    copies = AreaCopies(tmp_path)
    copies.write(one_set(1))
    (tmp_path / LIST_NAME).write_bytes(b'{"copies": [{"setting"')
    assert copies.read([PLACE]) == []


def test_a_writer_that_is_killed_at_any_moment_leaves_one_whole_list(tmp_path: Path) -> None:
    AreaCopies(tmp_path).write(one_set(1))
    for seed in range(ROUNDS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(random.Random(seed).uniform(0.0, 0.1))
            writer.kill()
        assert read(tmp_path) in (["A10", "A11", "A12"], ["A20", "A21", "A22"])


def test_a_disk_that_takes_no_more_leaves_the_list_before(tmp_path: Path) -> None:
    AreaCopies(tmp_path).write(one_set(1))
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
    refused = subprocess.run(
        [sys.executable, "-c", limited + WRITER, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "File too large" in refused.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 64
    assert read(tmp_path) == ["A10", "A11", "A12"]
