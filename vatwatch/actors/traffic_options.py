"""Turns settings into options for `traffic`, which knows no settings."""

from __future__ import annotations

import re
from datetime import timedelta

from vatwatch.config.areas import AreaSettings
from vatwatch.config.contacts import ContactSettings
from vatwatch.config.traffic import TrafficSettings
from vatwatch.errors import ConfigurationError
from vatwatch.feed.frequency import frequency_hz
from vatwatch.traffic.boundary import Boundary
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.filters import Filters
from vatwatch.traffic.network_state import Rules
from vatwatch.traffic.pipeline import Options
from vatwatch.traffic.sector_warnings import WarningLevels


def read_options(traffic: TrafficSettings, contacts: ContactSettings) -> Options:
    """The rules, the filters, and whether names are kept. Reads the boundary's file.

    Raises:
        ConfigurationError: that file cannot be read, or is not a boundary
    """
    boundary = None
    if traffic.boundary is not None:
        try:
            boundary = Boundary.from_geojson(traffic.boundary.read_bytes(), traffic.boundary.name)
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"VATWATCH_FILTER_BOUNDARY: {error}") from error
    session_window_s = traffic.session_window_s or traffic.reconnect_window_s
    return Options(
        rules=Rules(
            reconnect_window=timedelta(seconds=traffic.reconnect_window_s),
            resume_window=timedelta(hours=traffic.resume_window_hours),
            reach_kt=traffic.reach_kt,
            reach_margin_nm=traffic.reach_margin_nm,
            session_window=timedelta(seconds=session_window_s),
            position_keepalive=timedelta(seconds=traffic.position_keepalive_s),
            contacts=ContactRules(
                delivery_nm=contacts.delivery_nm,
                ground_nm=contacts.ground_nm,
                tower_nm=contacts.tower_nm,
                approach_nm=contacts.approach_nm,
                centre_nm=contacts.centre_nm,
                flight_service_nm=contacts.flight_service_nm,
                excluded_hz=frozenset(
                    hertz for one in contacts.excluded if (hertz := frequency_hz(one)) is not None
                ),
            ),
        ),
        filters=Filters(
            boundary=boundary,
            callsign=None if traffic.callsign is None else re.compile(traffic.callsign),
            min_rating=traffic.min_rating,
        ),
        keep_names=traffic.keep_names,
    )


def warning_levels(areas: AreaSettings) -> WarningLevels:
    """The loads from which on sectors have an alert."""
    return WarningLevels(areas.sector_warning, areas.named_warnings)
