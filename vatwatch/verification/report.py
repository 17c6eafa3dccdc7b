"""The table of a verification, as text and as JSON."""

from __future__ import annotations

from typing import Any

from vatwatch.verification.arrivals import LeadResult, middle_s, ninety_s
from vatwatch.verification.day import Verification
from vatwatch.verification.loads import LoadResult, mean_error, ninety_error
from vatwatch.verification.results import KindResult

_HEAD = ("what", "true", "found", "missed", "invented", "median s", "p99 s", "exact", "within one")
_ETA_HEAD = (
    "before landing", "flights", "told", "ETA median min", "p90 min", "naive median min", "p90 min",
)  # fmt: skip
_LOAD_HEAD = (
    "ahead", "loads", "mean load", "error", "p90", "bias", "naive error", "p90",
)  # fmt: skip


def report_text(verification: Verification) -> str:
    """The tables in Markdown, and below them the faults and the aims that were missed."""
    lines = _table(_HEAD, [_row(result) for result in verification.results])
    lines += ["", *_table(_ETA_HEAD, [_eta_row(result) for result in verification.arrivals])]
    lines += ["", *_table(_LOAD_HEAD, [_load_row(result) for result in verification.loads])]
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
        "restarts": verification.restarts,
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
        "eta": [
            {
                "lead_min": result.lead_min,
                "flights": result.flights,
                "told": result.told(),
                "median_s": middle_s(result.errors_s),
                "p90_s": ninety_s(result.errors_s),
                "naive_median_s": middle_s(result.naive_errors_s),
                "naive_p90_s": ninety_s(result.naive_errors_s),
            }
            for result in verification.arrivals
        ],
        "sector_loads": [
            {
                "ahead_min": result.ahead_min,
                "loads": len(result.loads),
                "mean_load": result.mean_load(),
                "mean_error": mean_error(result.errors),
                "p90_error": ninety_error(result.errors),
                "bias": result.bias(),
                "naive_mean_error": mean_error(result.naive_errors),
                "naive_p90_error": ninety_error(result.naive_errors),
            }
            for result in verification.loads
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


def _eta_row(result: LeadResult) -> tuple[str, ...]:
    return (
        f"{result.lead_min} min",
        f"{result.flights:,}",
        f"{result.told():.0%}",
        _minutes(middle_s(result.errors_s)),
        _minutes(ninety_s(result.errors_s)),
        _minutes(middle_s(result.naive_errors_s)),
        _minutes(ninety_s(result.naive_errors_s)),
    )


def _load_row(result: LoadResult) -> tuple[str, ...]:
    return (
        f"{result.ahead_min} min",
        f"{len(result.loads):,}",
        _aircraft(result.mean_load()),
        _aircraft(mean_error(result.errors)),
        _aircraft(ninety_error(result.errors)),
        _aircraft(result.bias()),
        _aircraft(mean_error(result.naive_errors)),
        _aircraft(ninety_error(result.naive_errors)),
    )


def _aircraft(number: float | None) -> str:
    return "" if number is None else f"{number:.2f}" if isinstance(number, float) else str(number)


def _minutes(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 60:.1f}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        _line(head, widths),
        _line(tuple("-" * width for width in widths), widths),
        *(_line(row, widths) for row in rows),
    ]


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"
