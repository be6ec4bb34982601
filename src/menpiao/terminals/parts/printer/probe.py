"""Whether an ESC/POS printer is at the other end: asked how it is, nothing is printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from menpiao.terminals.parts.printer import status
from menpiao.terminals.ports.base import Connection
from menpiao.terminals.ports.hearing import answer_to

_INITIALISE: Final = b"\x1b@"


@dataclass(frozen=True, slots=True)
class PrinterSeen:
    """A printer answered. ``trouble``: such as "paper_out", or ""."""

    trouble: str = ""


async def recognise(connection: Connection, answer_s: float = 0.2) -> PrinterSeen | None:
    """Ask; None if what answers is no printer. Raises PortError when the way breaks.

    Every question has one byte for an answer, with four fixed bits: one such byte may be chance,
    one for each of three questions, and none for what is no question, is not. What other questions
    have left in the printer's buffer is cleared: it never comes out on a visitor's slip.
    """
    trouble = ""
    for number in status.QUESTIONS:
        heard = await answer_to(connection, status.question(number), answer_s)
        if len(heard) != 1 or not status.is_answer(heard[0]):
            return None
        trouble = trouble or status.trouble(number, heard[0]) or ""
    if await answer_to(connection, _INITIALISE, answer_s):
        return None
    return PrinterSeen(trouble)


def forget(connection: Connection) -> None:
    """Clear the buffer of what may be a printer that answers nothing. Raises PortError."""
    connection.write(_INITIALISE)
