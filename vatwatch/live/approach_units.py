"""The approach units of the operator's files: where each one's area is, and who works it now."""

from __future__ import annotations

from msgspec import Raw

from vatwatch.live.airport_boards import AirportBoards
from vatwatch.live.board_pages import PageQuery, Rank, page
from vatwatch.live.board_parts import stations_by_area
from vatwatch.live.board_records import ApproachInList
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.board_answers import FeatureHead, ListedPage, list_answer
from vatwatch.live.records import Body
from vatwatch.traffic.areas.area_file import APPROACH

NO_APPROACHES = (
    "No approach unit is known: add a file of them, such as SimAware's TRACONs, to "
    "VATWATCH_POSITIONS_DATA; see /api/config."
)


class ApproachUnits:
    """Of one live state."""

    def __init__(self, boards: AirportBoards) -> None:
        self._boards = boards
        self._areas = {
            area.area_id: area for area in boards.areas.areas.values() if area.kind == APPROACH
        }
        self._stations = stations_by_area(boards.stations)

    def listed(self, query: PageQuery, wanted: AnswerFormat) -> Body:
        """A page of the list: those with most stations first, then by their ids."""
        ranks = [Rank(-len(self._stations.get(one, ())), 0, one) for one in self._areas]
        shown, total, cursor = page(ranks, query)
        return list_answer(
            self._boards.time,
            "approaches",
            [self._in_list(rank.id) for rank in shown],
            ListedPage(total, cursor, "" if self._areas else NO_APPROACHES),
            wanted,
            record=ApproachInList,
            shown=self._shown,
        )

    def _in_list(self, unit: str) -> ApproachInList:
        area = self._areas[unit]
        return ApproachInList(
            unit,
            area.name,
            list(area.prefixes),
            area.suffix,
            area.source,
            area.cycle,
            self._stations.get(unit, []),
        )

    def _shown(self, unit: ApproachInList) -> FeatureHead:
        return FeatureHead(unit.id, Raw(self._boards.areas.shape(APPROACH, unit.id)))
