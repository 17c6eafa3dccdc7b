"""What the traffic means: pure functions on plain values. No I/O, no clock, no actor."""
