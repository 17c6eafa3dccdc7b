"""The client for other programs, against the running service."""
