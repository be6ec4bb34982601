"""What was decided at a lane before it was started again: read back for its staff from its book."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from menpiao.terminals.gate.journal import Decided, Journal
from menpiao.terminals.gate.staff.desk import Desk
from menpiao.terminals.gate.staff.showing import words_of
from menpiao.wire.check import Answer

_NO_OLDER: Final = timedelta(hours=24)


async def recall(desk: Desk, journal: Journal) -> None:
    """Let the desk show the last scans again, without their documents, which no book keeps."""
    now = datetime.now(UTC)
    decided = await journal.decided(desk.most, now - _NO_OLDER)
    desk.recall([(now - one.at, _answer(one)) for one in decided])


def _answer(one: Decided) -> Answer:
    """As far as the book has it; what it does not have is empty."""
    words = words_of(one.reason)
    return Answer(
        nonce=one.nonce,
        admitted=one.admitted,
        reason=one.reason,
        status="",
        people=one.people,
        count=0,
        remaining=0,
        ticket_no=one.ticket_no,
        at=one.at,
        place="",
        place_en="",
        zh=words.zh,
        en=words.en,
        zh_next=words.zh_next,
        en_next=words.en_next,
        voice=words.voice,
    )
