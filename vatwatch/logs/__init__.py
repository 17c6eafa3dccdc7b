"""The log: on standard error and in files, for people or as JSON.

`logging` of the standard library is what everybody calls (`log = logging.getLogger(__name__)`);
what becomes of the lines is decided here. `setup` puts the settings into force, `context` knows
which request and which snapshot a line belongs to, `formats` makes the line and takes the secrets
out. Nothing here waits: `standard_error` for no
reader, and `writer` is a thread of its own for the files.
"""

from vatwatch.logs.setup import apply_log_settings, keep_log_files, log_to_standard_error

__all__ = ["apply_log_settings", "keep_log_files", "log_to_standard_error"]
