"""Columns: one value, or any number of values, of each record of a table, for numpy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vatwatch.traffic.areas.area_grid import Floats, Ints

Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TextColumn:
    """Texts. Value number `i` is `distinct[codes[i]]`: each different text is looked at once."""

    distinct: Sequence[str]
    codes: Ints
    rows: Ints
    """The record that each value is of."""

    @classmethod
    def of(cls, values: Iterable[Sequence[str]]) -> TextColumn:
        """Of the values of each record."""
        numbers: dict[str, int] = {}
        codes, rows = [], []
        for row, texts in enumerate(values):
            for text in texts:
                codes.append(numbers.setdefault(text, len(numbers)))
                rows.append(row)
        return cls(tuple(numbers), np.array(codes, np.int64), np.array(rows, np.int64))


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """Numbers; what is not known is NaN."""

    values: Floats
    rows: Ints

    @classmethod
    def of(cls, values: Iterable[Sequence[float | None]]) -> NumberColumn:
        """Of the value of each record."""
        found, rows = [], []
        for row, numbers in enumerate(values):
            for number in numbers:
                found.append(nan if number is None else number)
                rows.append(row)
        return cls(np.array(found, np.float64), np.array(rows, np.int64))


@dataclass(frozen=True, slots=True)
class PlaceColumn:
    """Places: degrees WGS84."""

    latitudes: Floats
    longitudes: Floats
    rows: Ints

    @classmethod
    def of(cls, values: Iterable[Sequence[tuple[float, float]]]) -> PlaceColumn:
        """Of the places of each record: latitude and longitude."""
        found, rows = [], []
        for row, places in enumerate(values):
            for place in places:
                found.append(place)
                rows.append(row)
        both = np.array(found, np.float64).reshape(-1, 2)
        return cls(both[:, 0], both[:, 1], np.array(rows, np.int64))


Column: TypeAlias = TextColumn | NumberColumn | PlaceColumn
