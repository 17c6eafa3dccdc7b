"""The log: on standard error and in files, for people or as JSON.

All modules use the standard library (`log = logging.getLogger(__name__)`); this package decides
what happens to the lines. `setup` applies the settings, `context` knows the request and the
snapshot that a line belongs to, `formats` makes the line and masks secrets. Nothing here waits:
`standard_error` does not wait for a slow reader, and `writer` writes the files in a separate
thread.
"""

from vatwatch.logs.setup import apply_log_settings, keep_log_files, log_to_standard_error

__all__ = ["apply_log_settings", "keep_log_files", "log_to_standard_error"]
