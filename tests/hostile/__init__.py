"""Requests that mean harm, by the thousand: `python -m tests.hostile`."""
