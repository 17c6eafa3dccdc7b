"""Areas as the community keeps them: `make test CAPTURES=dir` reads those in `dir/../geo`."""

from __future__ import annotations

from pathlib import Path

from vatwatch.storage.area_files import read_place
from vatwatch.traffic.areas.given_file import AreaSetting, GivenPlace
from vatwatch.traffic.areas.known_areas import known_areas


def test_real_files_of_areas_are_read_whole_and_each_id_is_one_area(captures: Path) -> None:
    folder = captures.parent / "geo"
    reading = read_place(GivenPlace(AreaSetting.POSITIONS, str(folder)), ())
    assert reading.errors == ()
    kinds = {good.file.source.kind for good in reading.good}
    assert {"vatspy", "fir"} <= kinds
    areas = known_areas([good.file for good in reading.good])
    assert len(areas.areas) > 1_000
    assert all(good.file.source.mended.unusable == 0 for good in reading.good)
    centres = ("EDGG_KTG_CTR", "LON_SC_CTR", "EDMM_ALB_CTR")
    for callsign in centres:
        found = areas.position_of(callsign, None).position
        assert found is not None
        assert found.areas
        assert found.areas[0] in areas.areas
    assert areas.fir_of_airport("EDDF") is not None
