"""The feeds of the network: typed records, decoding, validation, clocks. Pure."""
