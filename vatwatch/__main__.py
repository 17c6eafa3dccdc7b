"""`python -m vatwatch` and the console script: what is set for the whole process is set here.

Nothing may be imported before the patching.
"""

import sys

from gevent import monkey

monkey.patch_all()

from vatwatch.cli import main  # noqa: E402
from vatwatch.supervision.offload import SWITCH_INTERVAL_S  # noqa: E402

# gunicorn's workers are forked from this process, and keep it.
sys.setswitchinterval(SWITCH_INTERVAL_S)

if __name__ == "__main__":
    main()
