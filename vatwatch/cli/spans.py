"""Lengths of time for people, as short as they can be."""

from __future__ import annotations


def span(seconds: float) -> str:
    """`42s`, `17m`, `5h 12m`, `3d 4h`, `2y 11d`."""
    for unit, size, smaller, smaller_size in (
        ("y", 31_536_000, "d", 86_400),
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "m", 60),
    ):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} {int(seconds % size // smaller_size)}{smaller}"
    return f"{int(seconds // 60)}m" if seconds >= 60 else f"{seconds:.0f}s"
