"""`vatwatch doctor` and a replica: a real pair."""

from __future__ import annotations

from pathlib import Path

from tests.actors.harness import as_url
from tests.cli.doctor_house import Doctor
from tests.replicas import pair_in
from vatwatch.cli.examination.replica import SLIGHT_BYTES

# A row with its header takes some sixty bytes.
FILL = f"CREATE TABLE filler AS SELECT md5(n::text) FROM generate_series(1, {SLIGHT_BYTES // 40}) n"


def test_a_replica_is_looked_at_beside_its_primary(tmp_path: Path, database_url: str) -> None:
    with pair_in(tmp_path / "pair") as pair:
        primary, replica = as_url(pair.primary), as_url(pair.replica)

        def doctor(read_url: str) -> Doctor:
            return Doctor(tmp_path, DATABASE_URL=primary, DATABASE_READ_URL=read_url)

        assert not Doctor(tmp_path, DATABASE_URL=primary).found("replica")
        pair.caught_up()
        assert "has what its primary has" in doctor(replica).one("replica", "ok").text
        both = doctor(as_url(pair.both()))
        assert both.one("replica", "ok"), "of several servers the standby is meant"
        assert "takes writes" in doctor(primary).one("replica", "warning").text
        another = doctor(as_url(database_url))
        assert "another cluster" in another.one("replica", "fault").text
        nowhere = doctor("postgresql://me:s3cret@127.0.0.1:1/v")
        assert "connection refused" in nowhere.one("replica", "warning").text
        assert "s3cret" not in nowhere.printed
        pair.disconnect()
        pair.do(pair.primary, FILL)
        assert "of what its primary has" in doctor(replica).one("replica", "warning").text
        pair.kill("primary")
        assert "is not known" in doctor(replica).one("replica", "ok").text
