"""PostgreSQL, Redis and the journal, by intent."""
