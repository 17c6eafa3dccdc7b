"""`python -m vatwatch` and the console script: sets up the whole process.

Nothing else may be imported before the patching.
"""

import os
import signal
import sys


def _end(number: int, _frame: object) -> None:
    """Exit without a traceback. Used until a command has its own way to stop, while nothing has
    begun."""
    os._exit(0 if sys.argv[1:2] == ["run"] else 128 + number)


for _signal in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_signal, _end)

from gevent import monkey  # noqa: E402

monkey.patch_all()

from vatwatch.cli import main  # noqa: E402
from vatwatch.supervision.offload import SWITCH_INTERVAL_S  # noqa: E402

# gunicorn's workers are forked from this process, and keep it.
sys.setswitchinterval(SWITCH_INTERVAL_S)

if __name__ == "__main__":
    main()
