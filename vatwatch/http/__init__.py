"""The Falcon app. It knows actors by name and opens no database connections."""
