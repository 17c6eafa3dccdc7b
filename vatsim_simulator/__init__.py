"""A stand-in for VATSIM: serves both feeds with moving traffic, and fails on request."""
