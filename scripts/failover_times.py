"""How long it took until another one was in its place, as `make test-ha` has noted it.

    python -m scripts.failover_times FILE

A line of the file is what was done, a tab, and seconds.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from statistics import median


def main(path: str) -> None:
    """Print the median and the longest of each."""
    times: dict[str, list[float]] = defaultdict(list)
    for line in Path(path).read_text().splitlines():
        what, _, seconds = line.partition("\t")
        times[what].append(float(seconds))
    for what, taken in sorted(times.items()):
        print(f"{what}: median {median(taken):.2f} s, longest {max(taken):.2f} s, of {len(taken)}")


if __name__ == "__main__":
    main(sys.argv[1])
