"""The settings: where they come from, what is overridden, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from vatwatch.cli.examination.findings import DoctorFinding, fault, ok, warning
from vatwatch.cli.settings_check import check as check_settings
from vatwatch.config.settings import Reading
from vatwatch.counting import counted

CHECK = "settings"


def examine_settings(reading: Reading) -> Iterator[DoctorFinding]:
    """What `vatwatch check --offline` says, and which sources are overridden."""
    report = check_settings(reading, offline=True)
    by_source = Counter(one.source for one in report.settings)
    defaults = by_source.pop("default", 0)
    given = ", ".join(f"{number} from {_named(source)}" for source, number in by_source.items())
    yield ok(
        CHECK,
        f"{counted(len(report.settings), 'setting')}: {given or 'none is given'}, "
        f"{defaults} with their defaults.",
    )
    for name, weaker in reading.overridden.items():
        others = " and ".join(map(_named, weaker))
        yield ok(
            CHECK,
            f"{name} is taken from {_named(reading.sources[name])}; {others} "
            f"{'has' if len(weaker) == 1 else 'have'} another value, which is not used.",
        )
    for text in report.warnings:
        yield warning(CHECK, text, _advice(text, reading))
    for text in report.faults:
        yield fault(CHECK, text, _advice(text, reading))


def _advice(text: str, reading: Reading) -> str:
    """Where to correct it: a line about a setting begins with its name."""
    name = text.partition("=")[0].partition(":")[0]
    where = f" in {_named(reading.sources[name])}" if name in reading.sources else ""
    subject = name if where else "it"
    return f"Correct {subject}{where}; docs/configuration.md says what each setting may be."


def _named(source: str) -> str:
    return source if source.startswith((".", "vatwatch")) else f"the {source}"
