"""Tests on real captures, which are not in the repository: `make test CAPTURES=dir`."""
