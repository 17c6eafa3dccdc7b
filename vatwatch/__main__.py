"""`python -m vatwatch` and the console script: what is set for the whole process is set here.

Nothing else may be imported before the patching.
"""

import os
import signal
import sys


def _end(number: int, _frame: object) -> None:
    """Until a command has its own way to stop: nothing has begun, so leave without a traceback."""
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
