"""Slips are printed behind the visitor's back: no lane waits for paper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from menpiao.terminals.gate.journal import Journal
from menpiao.terminals.parts.printer.base import Printer, PrintOutcome, PrintStatus, Slip
from menpiao.wire.check import Answer

log = structlog.get_logger(__name__)

MakeSlip = Callable[[Answer, str], Slip]
"""The slip of an admission at the site of this name."""

_WAITING_MOST: Final = 5


class Slips:
    """Prints the slips of admissions and notes in the journal how each one ended."""

    def __init__(self, printer: Printer | None, make: MakeSlip, journal: Journal) -> None:
        self._printer = printer
        self._make = make
        self._journal = journal
        self._tasks: set[asyncio.Task[None]] = set()
        self.paper = ""
        """``ok``, ``low`` or ``out``, as the printer said with its last slip; empty: not known."""

    def print_later(self, answer: Answer, site: str) -> None:
        """Begin to print and return at once."""
        if self._printer is None:
            return
        task = asyncio.create_task(self._print(self._printer, answer, site), name="slip")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for what is being printed; ends within the printer's own time limits."""
        await asyncio.gather(*self._tasks)

    async def _print(self, printer: Printer, answer: Answer, site: str) -> None:
        # A slip minutes late is handed to the wrong person.
        if len(self._tasks) > _WAITING_MOST:
            status = "skipped"
        else:
            try:
                outcome = await printer.print_slip(self._make(answer, site))
                self.paper = _paper(outcome) or self.paper
                status = f"{outcome.status.value} {outcome.reason}".strip()
            except Exception:  # a slip is a copy of the answer: its trouble never stops the lane
                log.exception("slip_failed")
                status = "failed"
        await self._journal.printed(answer.nonce, status)


def _paper(outcome: PrintOutcome) -> str:
    """What an outcome says of the paper; empty: nothing."""
    if outcome.reason == "paper_out":
        return "out"
    if outcome.status is not PrintStatus.PRINTED:
        return ""
    return "low" if outcome.paper_low else "ok"
