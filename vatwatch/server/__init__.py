"""gunicorn around the service. The supervision tree starts and stops in the worker process.

The master process holds the socket and the home, and replaces a worker process that dies; nothing
else of vatwatch runs in it.
"""

from vatwatch.server.service import serve

__all__ = ["serve"]
