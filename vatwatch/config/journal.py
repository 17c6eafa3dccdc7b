"""Settings: the raw snapshots on disk."""

from __future__ import annotations

from pydantic import PositiveInt

from vatwatch.config.section import Section, setting


class JournalSettings(Section):
    """The raw snapshots on disk."""

    max_mb: PositiveInt = setting(
        "VATWATCH_JOURNAL_MAX_MB",
        4096,
        "Bound of journal, archive and quarantine: some four days of a busy network.",
        unit="MiB",
        reload=True,
    )
    max_failures: PositiveInt = setting(
        "VATWATCH_SNAPSHOT_TRIES",
        5,
        "How often one snapshot may make a part fail before it is quarantined.",
        reload=True,
    )
