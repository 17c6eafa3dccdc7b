"""The live state as readers get it: shaped and encoded. Pure."""
