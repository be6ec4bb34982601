"""Brings what was decided here to the centre: in order, in bulk, until it is acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from menpiao.terminals.gate.offline.book import Entry
from menpiao.terminals.gate.offline.local import Local
from menpiao.terminals.parts.link.base import Errands, Link, LinkState
from menpiao.wire.check import Undo
from menpiao.wire.lane import REPORT_MOST, Report, Reported, ReportedScan
from menpiao.wire.unreadable import UNREADABLE

log = structlog.get_logger(__name__)

_LOOK_S: Final = 0.5
_AGAIN_MOST_S: Final = 30.0
_TWIN: Final = "-b"
"""Whom the centre had refused under a nonce, and the lane had let in, is reported under another."""
_NONCE_MOST: Final = 64


class Reporter:
    """Reports while the link stands."""

    def __init__(self, local: Local, link: Link, errands: Errands) -> None:
        """Report the book of ``local`` by ``errands``."""
        self._local = local
        self._link = link
        self._errands = errands

    async def run(self) -> None:
        """Report until cancelled."""
        pause_s = _LOOK_S
        while True:
            await asyncio.sleep(pause_s)
            if self._link.state is not LinkState.UP or not self._local.queue:
                await self._local.look()
                continue
            try:
                await self._report()
                pause_s = _LOOK_S
            except (OSError, *UNREADABLE) as error:
                log.warning("report_not_taken", text=str(error))
                pause_s = min(_AGAIN_MOST_S, pause_s * 2)

    async def _report(self) -> None:
        entries = await self._local.run(lambda a: a.book.unreported(REPORT_MOST))
        results = await self._send([_scan(entry) for entry in entries])
        twins = [
            (entry, _twin(_scan(entry)))
            for entry, result in zip(entries, results.results, strict=True)
            if result.outcome == "known" and result.detail == "refused" and entry.admitted
        ]
        outcomes = {e.sequence: r for e, r in zip(entries, results.results, strict=True)}
        if twins:
            # They did go in: the centre's own late refusal does not undo that.
            again = await self._send([twin for _, twin in twins])
            pairs = zip(twins, again.results, strict=True)
            outcomes |= {entry.sequence: result for (entry, _), result in pairs}
        for entry in entries:
            result = outcomes[entry.sequence]
            if result.outcome == "known" and result.detail == "admitted" and not entry.admitted:
                await self._undo(entry)
            if result.outcome in {"conflict", "rejected"}:
                log.warning(
                    "report_outcome",
                    request_id=entry.nonce,
                    outcome=result.outcome,
                    detail=result.detail,
                    ticket=entry.ticket_id,
                )
        noted = [(n, result.outcome, result.detail) for n, result in outcomes.items()]
        now = self._local.now()
        await self._local.run(lambda a: a.book.acknowledge(noted, now))
        log.info("reported", scans=len(entries), upto=entries[-1].sequence if entries else 0)

    async def _send(self, scans: Sequence[ReportedScan]) -> Reported:
        body = msgspec.json.encode(Report(scans=list(scans), now=self._local.now()))
        status, answer = await asyncio.to_thread(self._errands.call, "POST", "/reports", body)
        if status != 200:
            raise OSError(f"reports: status {status}")
        reported = msgspec.json.decode(answer, type=Reported)
        if [r.nonce for r in reported.results] != [s.nonce for s in scans]:
            raise OSError("reports: an answer to something else")
        return reported

    async def _undo(self, entry: Entry) -> None:
        """The centre had let in whom the lane sent away: their ticket is given back."""
        undo = Undo(
            nonce=_other(entry.nonce, "-u"),
            of_nonce=entry.nonce,
            of_device=entry.asker or None,
            gate_id=entry.gate_id,
            reason="refused at the lane",
        )
        with contextlib.suppress(OSError):
            body = msgspec.json.encode(undo)
            status, _ = await asyncio.to_thread(self._errands.call, "POST", "/undos", body)
            log.warning("undone_as_refused", request_id=entry.nonce, status=status)


def _scan(entry: Entry) -> ReportedScan:
    return ReportedScan(
        nonce=entry.nonce,
        sequence=entry.sequence,
        gate_id=entry.gate_id,
        at=entry.at,
        admitted=entry.admitted,
        reason=entry.reason,
        source=entry.source,
        people=entry.people,
        first_entry=entry.first_entry,
        ticket_id=entry.ticket_id,
        horizon=entry.horizon,
        of_device=entry.asker or None,
    )


def _twin(scan: ReportedScan) -> ReportedScan:
    return msgspec.structs.replace(scan, nonce=_other(scan.nonce, _TWIN))


def _other(nonce: str, mark: str) -> str:
    return nonce[: _NONCE_MOST - len(mark)] + mark
