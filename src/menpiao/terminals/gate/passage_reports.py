"""Brings to the centre what the barrier did and counted: in order, until it is kept there."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
import structlog

from menpiao.terminals.gate.journal import Journal, PassageNote
from menpiao.terminals.parts.link.base import Errands, Link, LinkState
from menpiao.wire.lane import REPORT_MOST, PassageEvent, Passages, Recorded
from menpiao.wire.unreadable import UNREADABLE

log = structlog.get_logger(__name__)

_LOOK_S: Final = 1.0
_AGAIN_MOST_S: Final = 30.0


class PassageReporter:
    """Reports the journal's passages while the link stands."""

    def __init__(self, journal: Journal, link: Link, errands: Errands) -> None:
        self._journal = journal
        self._link = link
        self._errands = errands

    async def run(self) -> None:
        """Report until cancelled."""
        pause_s = _LOOK_S
        while True:
            await asyncio.sleep(pause_s)
            if self._link.state is not LinkState.UP:
                continue
            try:
                more = await self._report()
                pause_s = 0.0 if more else _LOOK_S
            except (OSError, *UNREADABLE) as error:
                log.warning("passages_not_taken", text=str(error))
                pause_s = min(_AGAIN_MOST_S, max(_LOOK_S, pause_s * 2))

    async def _report(self) -> bool:
        """Bring the oldest; whether there may be more at once."""
        due = await self._journal.passages_due(REPORT_MOST)
        if not due.passages:
            return False
        events = [_event(*one) for one in due.passages]
        body = msgspec.json.encode(Passages(journal=due.journal, events=events))
        status, answer = await asyncio.to_thread(self._errands.call, "POST", "/passages", body)
        if status != 200:
            raise OSError(f"passages: status {status}")
        upto = min(msgspec.json.decode(answer, type=Recorded).upto, events[-1].sequence)
        kept = await self._journal.passages_kept(due.journal, upto)
        return kept and len(events) == REPORT_MOST


def _event(sequence: int, note: PassageNote) -> PassageEvent:
    return PassageEvent(
        sequence=sequence,
        gate_id=note.gate_id,
        at=note.at,
        kind=note.kind,
        count=note.count,
        direction=note.direction,
        nonce=note.nonce if 8 <= len(note.nonce) <= 64 else None,
    )
