"""The stream of the live state: what has changed since a client heard last, as values and as JSON.

`records` reads an encoded live state, `deltas` compares two of them.
"""
