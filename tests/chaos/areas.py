"""The operator's files of areas are spoilt while the service runs and its parts fail.

Whatever stands in a file meanwhile, the last good copy is in force, so that stays in FIRs and
sectors are those of an undisturbed run; and what is wrong is told. Each fault ends with the file
as it was.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import gevent

from tests.chaos.area_files import area_paths
from tests.chaos.house import House, NotRecovered, wait_until
from vatsim_simulator.areas import area_files

BAD_S = 60.0


def spoil_areas(house: House, random: Random) -> str:
    """Spoil a file, let somebody fail, and look that what was good before is in use."""
    path = random.choice(area_paths(house.areas))
    wait_until("the areas to be in use", lambda: areas_hold(house))
    before = _in_use(house)
    spoil = random.choice((_cut, _garbage, _empty, _delete, _put_directory))
    spoil(path)
    failing = random.choice((_nobody, _watcher, _processor, _worker, _start_anew))
    try:
        failing(house)
        wait_until("the fault to be told", lambda: _told(house, path), BAD_S)
        # Long enough for a snapshot that would be derived without them.
        gevent.sleep(2 * house.scale.update_s)
        after = wait_until("an answer", lambda: _in_use(house), BAD_S)
        if after != before:
            raise NotRecovered(f"of {before} areas {after} are in use")
    finally:
        _mend(path)
    house.take_back_orders()
    wait_until("the areas to be in use", lambda: areas_hold(house))
    return f"{spoil.__name__.strip('_')} {path.name}, {failing.__name__.strip('_')}"


def areas_hold(house: House) -> bool:
    """Whether FIRs and sectors are in use, and nothing is wrong with any file or address."""
    found = _in_use(house)
    return found is not None and min(found) > 0 and _reason(house) == ""


def _in_use(house: House) -> tuple[int, int] | None:
    """How many FIRs, and how many FIRs and sectors together; None: no answer."""
    firs, sectors = house.get("/api/firs"), house.get("/api/sectors")
    return firs and sectors and (firs["total"], sectors["total"])


def _reason(house: House) -> str | None:
    """What is wrong with the files of areas; empty: nothing; None: nobody says."""
    answer = house.get("/api/services") or {"services": []}
    for line in answer["services"]:
        if line["name"] == "areas" and line["health"] in ("healthy", "degraded"):
            return str(line["reason"])
    return None


def _told(house: House, path: Path) -> bool:
    reason = _reason(house)
    return reason is not None and path.name in reason


def _mend(path: Path) -> None:
    """As an operator does it who follows the docs: beside it, and then in its place."""
    if path.is_dir():
        shutil.rmtree(path)
    aside = path.with_suffix(".new")
    aside.write_bytes(area_files()[path.name])
    aside.rename(path)


# --- what is wrong with it -----------------------------------------------------------------------


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x00\xff<html>{" * 100)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _delete(path: Path) -> None:
    path.unlink()


def _put_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


# --- who fails meanwhile -------------------------------------------------------------------------


def _nobody(house: House) -> None:
    pass


def _watcher(house: House) -> None:
    house.order({"kind": "crash", "target": "areas"})


def _processor(house: House) -> None:
    house.order({"kind": "crash", "target": "processor"})


def _worker(house: House) -> None:
    for worker in house.workers():
        worker.kill()


def _start_anew(house: House) -> None:
    house.stop_service()
    house.start_service()
