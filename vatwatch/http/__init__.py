"""The Falcon app. Knows actors by name, and opens no database connection of its own."""
