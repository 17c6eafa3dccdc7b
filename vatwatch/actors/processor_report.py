"""The processor's report: its numbers, and what they mean for its health."""

from __future__ import annotations

from vatwatch.actors.feed_content import FeedContent
from vatwatch.actors.snapshot_reader import SnapshotReader
from vatwatch.messages.status import ProcessorStatus
from vatwatch.monitoring.health import Health


def status_of(reader: SnapshotReader, content: FeedContent, *, behind: bool) -> ProcessorStatus:
    """The processor's numbers. `behind`: whether the durable path is behind the live path."""
    return ProcessorStatus(
        processed=reader.processed,
        quarantined_records=reader.quarantined_records,
        let_through=reader.let_through,
        kept_out=reader.kept_out,
        behind=behind,
        lost_values=dict(reader.lost_values),
        plan_texts_unreadable=dict(reader.plan_texts_unreadable),
        radios_unreadable=dict(content.radios_unreadable),
        conditions=content.conditions,
        fewer_pilots=content.fewer_pilots,
    )


def health_of(status: ProcessorStatus) -> tuple[Health, str]:
    """The processor's health, and the reason."""
    if status.conditions:
        return Health.DEGRADED, "; ".join(status.conditions)
    if status.behind:
        return Health.DEGRADED, "the database is behind the live state"
    return Health.HEALTHY, ""
