"""The simulated platform: its book, its keys, its notifications and its bad days."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from menpiao.simulation.payment.book import Book
from menpiao.simulation.payment.keys import Keys, load_platform
from menpiao.simulation.payment.notifier import Copies, Notifier
from menpiao.simulation.payment.trades import Refund, Refusal, Trade

FaultKind = Literal[
    "delay",  # answer late
    "error",  # 500 SYSTEM_ERROR without acting
    "limited",  # 429 without acting
    "error_after",  # act, then 500 SYSTEM_ERROR
    "drop_before",  # cut the connection without acting
    "drop_after",  # act, then cut the connection
    "bad_signature",
    "unsigned",
    "stale",
    "unknown_serial",
    "probe",
]


@dataclass(slots=True)
class Fault:
    """A fault of the next ``times`` answers of one operation (``*``: of any)."""

    operation: str
    kind: FaultKind
    times: int = 1
    seconds: float = 0.0


@dataclass(slots=True)
class Platform:
    """Everything the pages and doors of the simulated platform share. Lives in one event loop."""

    keys: Keys
    book: Book
    notifier: Notifier
    clock: Callable[[], float]
    time_scale: float
    refund_s: float = 2.0
    """How long a refund is PROCESSING, before scaling."""
    refund_result: str = "SUCCESS"
    userpaying_status: int = 202
    faults: list[Fault] = field(default_factory=list)
    _later: set[asyncio.Task[None]] = field(default_factory=set)

    def take_fault(self, operation: str) -> Fault | None:
        """The fault that the next answer of an operation must show, used up by asking."""
        for fault in self.faults:
            if fault.operation in {operation, "*"}:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def pay(
        self, trade: Trade, *, copies: Copies | None = None, late: bool = False
    ) -> Refusal | None:
        """The visitor pays; a native order is notified, codepay never is."""
        refused = self.book.pay(trade, self.clock(), late=late)
        if refused is None and trade.notify_url:
            told = trade.view(self.book.mchid, self.book.appid)
            notice = self.notifier.make(
                "TRANSACTION.SUCCESS", "transaction", told, trade.notify_url
            )
            self.notifier.start(notice, copies)
        return refused

    def start_refund(self, refund: Refund) -> None:
        """Let an accepted refund reach its end after a while."""
        task = asyncio.create_task(self._finish(refund))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _finish(self, refund: Refund) -> None:
        await asyncio.sleep(self.refund_s / self.time_scale)
        self.end_refund(refund, self.refund_result)

    def end_refund(self, refund: Refund, status: str) -> None:
        """End a refund now and tell the merchant."""
        if refund.status != "PROCESSING":
            return
        self.book.finish_refund(refund, status, self.clock())
        if refund.notify_url:
            told = refund.notice(self.book.mchid)
            notice = self.notifier.make(f"REFUND.{status}", "refund", told, refund.notify_url)
            self.notifier.start(notice)

    async def close(self) -> None:
        """Stop everything that waits."""
        for task in list(self._later):
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        await self.notifier.close()


def make_platform(
    folder: Path, *, time_scale: float = 1.0, clock: Callable[[], float] = time.time
) -> Platform:
    """A platform for the merchant whose keys are in ``folder``.

    ``time_scale`` 60 lets an hour of repeats pass in a minute. Call it inside an event loop.
    """
    keys = load_platform(folder)
    return Platform(
        keys=keys,
        book=Book(keys.account.mchid, keys.account.appid, time_scale),
        notifier=Notifier(keys, clock, time_scale),
        clock=clock,
        time_scale=time_scale,
    )
