"""The table of a verification, as text and as JSON."""

from __future__ import annotations

from typing import Any

from vatwatch.verification.day import Verification
from vatwatch.verification.results import KindResult

_HEAD = ("what", "true", "found", "missed", "invented", "median s", "p99 s", "exact", "within one")


def report_text(verification: Verification) -> str:
    """The table in Markdown, and below it the faults and the aims that were missed."""
    rows = [_HEAD, *(_row(result) for result in verification.results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [_line(rows[0], widths), _line(tuple("-" * width for width in widths), widths)]
    lines += [_line(row, widths) for row in rows[1:]]
    examples = [text for result in verification.results for text in result.examples]
    if examples:
        lines += ["", "Some of the faults:", *(f"- {text}" for text in examples)]
    if verification.missed:
        lines += ["", "Missed aims:", *(f"- {text}" for text in verification.missed)]
    return "\n".join(lines) + "\n"


def report_json(verification: Verification) -> dict[str, Any]:
    """The same for programs."""
    return {
        "pilots": verification.pilots,
        "hours": verification.hours,
        "seed": verification.seed,
        "snapshots": verification.snapshots,
        "kinds": [
            {
                "kind": result.kind,
                "true": result.true,
                "found": result.found,
                "missed": result.missed,
                "invented": result.invented,
                "median_s": result.median_s(),
                "p99_s": result.p99_s(),
                "exact_snapshot": result.share_off_by(0) if result.snapshots_off else None,
                "within_one_snapshot": result.share_off_by(1) if result.snapshots_off else None,
                "examples": result.examples,
            }
            for result in verification.results
        ],
        "missed_aims": verification.missed,
    }


def _row(result: KindResult) -> tuple[str, ...]:
    middle, p99 = result.median_s(), result.p99_s()
    return (
        result.kind,
        f"{result.true:,}",
        f"{result.found:,}",
        f"{result.missed:,}",
        f"{result.invented:,}",
        "" if middle is None else f"{middle:.1f}",
        "" if p99 is None else f"{p99:.1f}",
        f"{result.share_off_by(0):.2%}" if result.snapshots_off else "",
        f"{result.share_off_by(1):.2%}" if result.snapshots_off else "",
    )


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"
