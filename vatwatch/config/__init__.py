"""Settings: typed, validated, reloadable."""
