"""Queries of live records: which of them (filters), in which order, and how many at a time.

`known_filters` has the filters and their names, `filters` those that were given, `ordering` orders
and cursors, `record_table` the records that are asked about; `selection` puts them together.
"""
