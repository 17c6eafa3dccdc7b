"""The answers that docs/api.md shows, for the OpenAPI document: `vatwatch/http/examples.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import vatwatch.http
from vatwatch.http.openapi import EXAMPLES

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
TARGET = Path(vatwatch.http.__file__).parent / EXAMPLES
# Shown is one record of the answer.
PARTS = frozenset({"GET /api/alerts"})

_SECTION = re.compile(r"^### ((?:GET|POST|DELETE) \S+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> dict[str, Any]:
    """The first answer that is shown of each operation (`GET /api/flights/{callsign}`)."""
    return {
        operation: json.loads(block[1])
        for operation, text in sections()
        if operation not in PARTS and (block := _BLOCK.search(without_gaps(text))) is not None
    }


def sections() -> Iterator[tuple[str, str]]:
    """Each operation with the text below its heading, up to the next one."""
    for found in _SECTION.finditer(PAGE.read_text()):
        yield found[1], found[2]


def without_gaps(text: str) -> str:
    """Without the `…` for what is left out, which is no JSON."""
    return re.sub(r",(\s*[\]}])", r"\1", re.sub(r",\s*…|…", "", text))


def written() -> str:
    """What the file holds: one operation a line."""
    lines = (
        f"{json.dumps(operation)}: {json.dumps(answer, ensure_ascii=False)}"
        for operation, answer in examples().items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"
