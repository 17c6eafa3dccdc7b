"""gunicorn around the service: the tree starts in the worker and stops there, in reverse.

The master holds the socket and the home, and replaces a worker that dies; nothing else of vatwatch
runs in it.
"""

from vatwatch.server.service import serve

__all__ = ["serve"]
