"""The actors, one file a service."""
