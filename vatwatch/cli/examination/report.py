"""The findings for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

import click

from vatwatch.cli.examination.examine import Examined
from vatwatch.cli.examination.findings import FindingState
from vatwatch.counting import counted

COLOURS = {FindingState.OK: "green", FindingState.WARNING: "yellow", FindingState.FAULT: "red"}
COLUMNS = 100
_STATE, _CHECK = 9, 13


def lines(examined: Examined) -> Iterator[str]:
    """A line for each finding, and below it what to do."""
    margin = " " * (_STATE + _CHECK)
    for finding in examined.findings:
        first, *more = wrap(finding.text, COLUMNS - len(margin))
        state = click.style(f"{finding.state.value:{_STATE}}", fg=COLOURS[finding.state])
        yield f"{state}{finding.check:{_CHECK}}{first}"
        yield from (margin + line for line in more)
        advice = wrap(finding.advice, COLUMNS - len(margin) - 2)
        for mark, line in zip(["→", *[" "] * len(advice)], advice, strict=False):
            yield f"{margin}{mark} {line}"
    yield ""
    number = Counter(finding.state for finding in examined.findings)
    yield (
        f"{counted(number[FindingState.FAULT], 'fault')}, "
        f"{counted(number[FindingState.WARNING], 'warning')}."
    )


def document(examined: Examined) -> dict[str, Any]:
    """`state` is the worst of all."""
    return {
        "state": examined.state.value,
        "findings": [
            {
                "check": finding.check,
                "state": finding.state.value,
                "text": finding.text,
                "advice": finding.advice,
            }
            for finding in examined.findings
        ],
    }
