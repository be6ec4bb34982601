"""What lanes bring and fetch besides asks: bundles, reports, passages, undos, searches."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from menpiao.centre.check.lane_doors import (
    BUNDLE,
    CONTENT,
    LOGS,
    OCTETS,
    PASSAGES,
    REPORTS,
    SEARCHES,
    STAFF,
    UNDOS,
)
from menpiao.centre.check.service import CheckService
from menpiao.centre.check.service.bundles import BundleService
from menpiao.centre.check.service.commands import CommandService
from menpiao.centre.check.service.devices import DeviceService
from menpiao.centre.check.service.papers import PaperService
from menpiao.centre.check.service.reports import ReportService
from menpiao.centre.check.service.search import SearchService
from menpiao.centre.check.service.states import StateService
from menpiao.centre.check.service.terminals import TerminalService
from menpiao.centre.check.service.undo import UndoService
from menpiao.centre.doors.serve import Asked, Handler
from menpiao.centre.doors.table import Door
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.bundle import Manifest
from menpiao.wire.check import FoundTickets, StaffKnown, Undone
from menpiao.wire.fleet import LinesKept
from menpiao.wire.lane import Recorded, Reported

_RANGE = re.compile(r"bytes=([0-9]{1,12})-\Z")


@dataclass(frozen=True, slots=True)
class LaneServices:
    """What stands behind the check server's doors."""

    check: CheckService
    bundles: BundleService
    reports: ReportService
    undos: UndoService
    searches: SearchService
    states: StateService
    commands: CommandService
    papers: PaperService
    terminals: TerminalService
    devices: DeviceService


class LaneApi:
    """Handlers of the lanes' doors."""

    def __init__(self, services: LaneServices) -> None:
        """Speak for these services."""
        self._services = services

    def handlers(self) -> Mapping[Door, Handler]:
        """Who answers which door."""
        return {
            BUNDLE: self.bundle,
            CONTENT: self.content,
            REPORTS: self.report,
            PASSAGES: self.passages,
            UNDOS: self.undo,
            STAFF: self.staff,
            SEARCHES: self.search,
            LOGS: self.logs,
        }

    async def bundle(self, asked: Asked) -> Manifest | Refusal:
        """A day's manifest."""
        found = await self._services.bundles.bundle(asked.who.site_id, asked.path.day)
        return found if isinstance(found, Refusal) else found.manifest

    async def content(self, asked: Asked) -> Response | Refusal:
        """A bundle's octets, from where the asker has got to."""
        found = self._services.bundles.kept(asked.who.site_id, asked.path.day, asked.path.horizon)
        if found is None:
            # Made by another server, or replaced: the manifest says which there is.
            return Refusal(Reason.NO_SUCH_ADDRESS, "ask for the manifest again", "horizon")
        size = len(found.packed)
        headers = {"Accept-Ranges": "bytes", "ETag": f'"{found.manifest.sha256}"'}
        wished = _RANGE.fullmatch(asked.headers.range)
        begin = int(wished[1]) if wished else 0
        if not 0 < begin < size:
            return Response(found.packed, media_type=OCTETS, headers=headers)
        headers["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
        return Response(found.packed[begin:], 206, media_type=OCTETS, headers=headers)

    async def report(self, asked: Asked) -> Reported | Refusal:
        """Scans that were decided without the centre."""
        return await self._services.reports.report(asked.who, asked.body)

    async def passages(self, asked: Asked) -> Recorded | Refusal:
        """What barriers did."""
        return await self._services.reports.passages(asked.who, asked.body)

    async def undo(self, asked: Asked) -> Undone | Refusal:
        """An admission taken back."""
        return await self._services.undos.undo(asked.who, asked.body)

    async def staff(self, asked: Asked) -> StaffKnown | Refusal:
        """Somebody of the house signs in at a lane."""
        return await self._services.check.sign_in(asked.who, asked.body)

    async def search(self, asked: Asked) -> FoundTickets | Refusal:
        """A ticket of somebody without a document."""
        return await self._services.searches.search(asked.who, asked.body)

    async def logs(self, asked: Asked) -> LinesKept | Refusal:
        """What a terminal has logged."""
        return await self._services.terminals.keep_lines(asked.who, asked.body)
