"""What the network says: typed records, decoding, validation. Pure."""
