"""The live state as clients get it: shaped, encoded, compressed. Pure."""
