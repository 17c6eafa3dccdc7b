"""What a killed greenlet leaves behind."""

from __future__ import annotations

import warnings

from gevent import GreenletExit


def let_go(killed: GreenletExit) -> None:
    """Drop what the greenlet held when it was killed; its open sockets and files are closed by it.

    A library that is killed while it connects cannot close the socket itself: urllib3 and gevent
    close it after an `OSError` alone. The interpreter closes it with the frame that holds it, and
    would warn of each.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        killed.__traceback__ = None
