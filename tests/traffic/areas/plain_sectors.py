"""Who is in which sector, by looking at every point and every area: what the map is held against.

Its rule for points on a border is taken over; it has tests of its own, without a map.
"""

from __future__ import annotations

import shapely

from vatwatch.traffic.areas.sector_map import AirspaceSector, SectorMap, begins_at
from vatwatch.traffic.areas.volumes import Volume


def plain_inside(
    of: SectorMap, points: list[tuple[float, float, float]]
) -> list[tuple[int, str, str]]:
    """The number of the point, and kind and name of each sector that it is in.

    `points`: latitude, longitude from -180 up to but not including 180, feet; NaN: not known.
    """
    return [
        (number, sector.kind, sector.name)
        for number, point in enumerate(points)
        for sector in of.sectors
        if _has(sector, *point)
    ]


def _has(sector: AirspaceSector, latitude: float, longitude: float, feet: float) -> bool:
    return any(
        _is_between(volume, feet) and _is_over(volume, longitude, latitude)
        for volume in sector.volumes
    )


def _is_between(volume: Volume, feet: float) -> bool:
    return (not volume.floor_ft or feet >= volume.floor_ft) and (
        volume.ceiling_ft is None or feet < volume.ceiling_ft
    )


def _is_over(volume: Volume, x: float, y: float) -> bool:
    if not shapely.intersects_xy(volume.geometry, x, y):
        return False
    return bool(shapely.contains_xy(volume.geometry, x, y)) or begins_at(volume.geometry, x, y)
