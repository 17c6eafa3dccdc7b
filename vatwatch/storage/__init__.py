"""PostgreSQL, Redis and the journal: everything that is stored."""
