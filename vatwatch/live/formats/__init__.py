"""Formats of answers beside JSON: GeoJSON, CSV, and one JSON record a line."""
