"""What happened, as values: events, their schemas, and what could not be delivered. Pure."""
