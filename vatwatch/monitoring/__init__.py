"""The service's own condition: errors, health, resources, alerts. Pure: no I/O, no clock, no
actor."""
