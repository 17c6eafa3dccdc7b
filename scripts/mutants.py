"""Mutants: change the code in small ways, and see whether a test notices (`make mutants`).

cosmic-ray makes the changes, in a copy of the repository, and the tests of the changed package run
against each. There are thousands, so a sample is drawn; the seed decides which. A mutant that
survives is a place where no test of that package would notice a fault; some change nothing that
could be noticed.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkItem
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(
    ".venv*", "var", ".git", "__pycache__", ".*_cache", ".hypothesis"
)
# These lines have no effect at run time: a union in an annotation, the memory layout of a record.
NEUTRAL = ("slots=True", "frozen=True", "gc=False", "->", "TypeAlias", ": TypeVar", "import ")
# The bar of a union is one: annotations are never evaluated.
NEUTRAL_OPERATORS = ("BitOr",)
# A mutant that makes the tests so much slower than they are hangs, and is noticed.
TIMEOUT_FACTOR, TIMEOUT_S = 4.0, 20.0


@dataclass(frozen=True, slots=True)
class Area:
    """The code to change, and the tests that should notice."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


AREAS = (
    Area("supervision", ("vatwatch/supervision/*.py",), ("tests/supervision",)),
    Area("feed", ("vatwatch/feed/*.py",), ("tests/feed",)),
    Area("events", ("vatwatch/events/*.py",), ("tests/events",)),
    Area("traffic", ("vatwatch/traffic/*.py",), ("tests/traffic",)),
    Area("journal", ("vatwatch/storage/journal*.py",), ("tests/storage", "-k", "journal")),
)


def main() -> None:
    """Run, and print the score of each area and every survivor."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutants", description=__doc__)
    parser.add_argument("--mutants", type=int, default=40, help="of each area, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--area", choices=[area.name for area in AREAS], action="append")
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    summary = Table("area", "mutants", "noticed", "score", title="Mutants")
    for area in AREAS:
        if options.area and area.name not in options.area:
            continue
        outcomes = Counter(_outcomes(area, options.mutants, options.seed, console))
        total, noticed = outcomes.total(), outcomes[True]
        share = f"{100 * noticed / total:.0f} %" if total else "-"
        summary.add_row(area.name, str(total), str(noticed), share)
    console.print(summary)


def _outcomes(area: Area, most: int, seed: int, console: Console) -> Iterator[bool]:
    """Whether each mutant of the sample is noticed."""
    with TemporaryDirectory(prefix="mutants-") as temporary:
        copy = Path(temporary) / "vatwatch"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        command += ["-m", "not servers", *area.tests]
        timeout_s = TIMEOUT_S + TIMEOUT_FACTOR * _baseline_s(command, copy)
        modules = sorted(path for pattern in area.modules for path in copy.glob(pattern))
        work = _sample(_mutations(modules, Path(temporary) / "session.sqlite"), most, seed)
        for item in work:
            mutation = item.mutations[0]
            result = mutate_and_test(item.mutations, _quoted(command, copy), timeout=timeout_s)
            noticed = result.test_outcome is not TestOutcome.SURVIVED
            if not noticed:
                console.print(_told(mutation, copy), markup=False)
            yield noticed


def _baseline_s(command: list[str], copy: Path) -> float:
    """How long the tests take on the code as it is. They must pass."""
    began = time.monotonic()
    subprocess.run(command, cwd=copy, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _quoted(command: list[str], copy: Path) -> str:
    """In the copy's directory, without writing bytecode: a mutant has the time of the original."""
    words = " ".join(f"'{word}'" for word in command)
    return f"env -C '{copy}' PYTHONDONTWRITEBYTECODE=1 {words}"


def _mutations(modules: list[Path], session: Path) -> list[WorkItem]:
    with use_db(str(session), WorkDB.Mode.create) as database:
        init(modules, database, {})
        return [item for item in database.work_items if not _is_neutral(item.mutations[0])]


def _is_neutral(mutation: MutationSpec) -> bool:
    if any(name in mutation.operator_name for name in NEUTRAL_OPERATORS):
        return True
    line = mutation.module_path.read_text().splitlines()[mutation.start_pos[0] - 1]
    return any(word in line for word in NEUTRAL)


def _sample(items: list[WorkItem], most: int, seed: int) -> list[WorkItem]:
    items.sort(key=lambda item: (str(item.mutations[0].module_path), item.mutations[0].start_pos,
                                 item.mutations[0].operator_name))  # fmt: skip
    return random.Random(seed).sample(items, min(most, len(items)))


def _told(mutation: MutationSpec, copy: Path) -> str:
    where = mutation.module_path.relative_to(copy)
    line = mutation.module_path.read_text().splitlines()[mutation.start_pos[0] - 1].strip()
    return f"survived: {where}:{mutation.start_pos[0]} {mutation.operator_name}: {line}"


if __name__ == "__main__":
    main()
