"""What the settings name of areas, and what the actor `areas` says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from vatwatch.config.areas import AreaSettings
from vatwatch.messages.areas_status import AreaSourceStatus
from vatwatch.storage.area_copies import GoodFile
from vatwatch.traffic.areas.given_file import AreaSetting, GivenPlace


def places_of(settings: AreaSettings) -> tuple[GivenPlace, ...]:
    """All files, directories and addresses, in the order in which they are given."""
    return (
        *(GivenPlace(AreaSetting.POSITIONS, given) for given in settings.positions_data),
        *(GivenPlace(AreaSetting.SECTORS, given) for given in settings.sectors),
    )


def told(good: Iterable[GoodFile]) -> Iterator[AreaSourceStatus]:
    """Each file, for people."""
    for one in good:
        source = one.file.source
        mended = msgspec.structs.asdict(source.mended)
        features = mended.pop("told")
        yield AreaSourceStatus(
            setting=one.copy.setting.value,
            name=source.name,
            kind=source.kind,
            cycle=source.cycle,
            areas=source.areas,
            taken_at=one.copy.taken_at,
            mended={what: count for what, count in mended.items() if count},
            told=features,
        )
