"""Who may do what: scopes, API keys, and who makes a request. Pure: nothing here asks anybody."""
