"""Counts in texts for people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vatwatch.counting import counted

SOURCES = [*Path("vatwatch").rglob("*.py"), *Path("vatsim_simulator").rglob("*.py")]
# `{…} snapshots` or `%d snapshots` in a text. Units of measurement have no plural (`ms`, `MiB/s`).
COUNTS = re.compile(r"(?:%d|\{[^{}]*(?:len\(|count|total|pending|number)[^{}]*\}) ([a-z]{3,}s)\b")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (counted(0, "snapshot"), "0 snapshots"),
        (counted(1, "snapshot"), "1 snapshot"),
        (counted(2000, "file"), "2,000 files"),
        (counted(1, "entry", "entries"), "1 entry"),
        (counted(2, "snapshot waits", "snapshots wait"), "2 snapshots wait"),
    ],
)
def test_one_is_not_many(text: str, wanted: str) -> None:
    assert text == wanted


def test_no_text_says_1_snapshots() -> None:
    found = {
        f"{path}:{number}: {match[0]}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for match in COUNTS.finditer(line)
        if "counted(" not in line
    }
    assert not found
