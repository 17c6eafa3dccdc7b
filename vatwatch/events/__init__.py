"""Events as values: their types and schemas, and dead letters. Pure."""
