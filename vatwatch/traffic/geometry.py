"""Great circles on a sphere: degrees WGS84 in and out, distances in nautical miles."""

from __future__ import annotations

from collections.abc import Sequence
from math import asin, atan2, cos, degrees, hypot, radians, sin

# The mean radius of WGS84's ellipsoid, 6,371,008.8 m (IUGG), in nautical miles of 1,852 m.
EARTH_RADIUS_NM = 6_371_008.8 / 1_852


def distance_nm(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """The shortest way between two points; the haversine formula, which is good for near ones."""
    p1, p2 = radians(lat1), radians(lat2)
    a = sin((p2 - p1) / 2) ** 2 + cos(p1) * cos(p2) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_NM * asin(min(1.0, a**0.5))


def bearing(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """The true course at the first point towards the second, in [0, 360)."""
    p1, p2, delta = radians(lat1), radians(lat2), radians(lon2 - lon1)
    east = sin(delta) * cos(p2)
    north = cos(p1) * sin(p2) - sin(p1) * cos(p2) * cos(delta)
    # Twice, as a hair less than north is rounded to 360 by the first.
    return degrees(atan2(east, north)) % 360 % 360


def centre_of(points: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """The centre on the sphere, so that points on both sides of the date line are neighbours.

    None without points, and of points that lie all around the globe.
    """
    if not points:
        return None
    if len(set(points)) == 1:
        return points[0]
    x = sum(cos(radians(lat)) * cos(radians(lon)) for lat, lon in points) / len(points)
    y = sum(cos(radians(lat)) * sin(radians(lon)) for lat, lon in points) / len(points)
    z = sum(sin(radians(lat)) for lat, _ in points) / len(points)
    if hypot(x, y, z) < 1e-6:
        return None
    return round(degrees(atan2(z, hypot(x, y))), 6), round(degrees(atan2(y, x)), 6)
