"""Whether a safe module is at the other end: its health and its number are asked, no card is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from menpiao.terminals.parts.reader import protocol
from menpiao.terminals.parts.reader.protocol import Answer
from menpiao.terminals.parts.reader.session import Session
from menpiao.terminals.parts.reader.timings import Timings
from menpiao.terminals.ports.base import Connection

_TROUBLES: Final = {
    protocol.SELF_TEST_FAILED: "self_test",
    protocol.NOT_AUTHORISED: "not_authorised",
}


@dataclass(frozen=True, slots=True)
class ModuleSeen:
    """A safe module answered with a whole frame. ``trouble``: a fault code, or ""."""

    sam_id: str
    trouble: str = ""


async def recognise(connection: Connection, answer_s: float = 0.3) -> ModuleSeen | None:
    """Ask; None if what answers is no safe module. Raises PortError when the way breaks."""
    session = Session(connection, Timings())
    status = await session.ask(protocol.STATUS, answer_s, 1.0)
    if not isinstance(status, Answer):
        return None
    named = await session.ask(protocol.SAM_ID, 1.0)
    told = isinstance(named, Answer) and named.sw3 == protocol.SUCCESS
    sam_id = protocol.sam_id_text(named.data) if told and isinstance(named, Answer) else ""
    return ModuleSeen(sam_id, _TROUBLES.get(status.sw3, ""))
