"""How the service does: errors, health, resources, alerts. Pure: no I/O, no clock, no actor."""
