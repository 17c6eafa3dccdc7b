"""The runbook quotes what the service says, word for word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QUOTE = re.compile(r"(?<!\*)\*(?!\*)([^*]+)\*(?!\*)")
# What is filled in: by an f-string, or by the log.
GAP = "…"
PERCENT = re.compile(r"%[\d.]*[sdfg]")


def runbook() -> str:
    text = (ROOT / "docs" / "scaling.md").read_text()
    section = text.split("\n## Runbook\n")[1].split("\n## ")[0]
    return re.sub(r"`[^`]*`", "", section)  # SELECT * FROM


QUOTES = sorted({" ".join(quote.split()) for quote in QUOTE.findall(runbook())})


def texts() -> Iterator[str]:
    """What the code may say, with gaps."""
    for source in (ROOT / "vatwatch").rglob("*.py"):
        nodes = [*ast.walk(ast.parse(source.read_text()))]
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if id(node) in docstrings:
                continue
            if isinstance(node, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else GAP
                    for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield PERCENT.sub(GAP, node.value)


@pytest.fixture(scope="module")
def said() -> list[str]:
    return [" ".join(text.split()) for text in texts()]


def test_there_are_quotes() -> None:
    assert len(QUOTES) > 20


@pytest.mark.parametrize("quote", QUOTES)
def test_a_text_that_the_runbook_quotes_is_one_of_the_services(quote: str, said: list[str]) -> None:
    pieces = [re.escape(piece.strip()) for piece in quote.split(GAP) if piece.strip()]
    assert sum(map(len, pieces)) > 10, "too short to be found"
    wanted = re.compile(".*".join(pieces))
    assert any(wanted.search(text) for text in said)
