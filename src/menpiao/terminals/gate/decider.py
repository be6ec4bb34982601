"""Who decides: today the centre, asked over the link."""

from __future__ import annotations

from typing import Protocol

from menpiao.terminals.parts.link.base import Link, LinkFailure
from menpiao.wire.check import Answer, Ask


class Decider(Protocol):
    """Gives the decision on an ask, or says that there is none."""

    async def decide(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure:
        """The decision, within ``timeout_s``; no decision admits nobody."""
        ...


class CentreDecides:
    """Every ask goes to the centre."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def decide(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure:
        """Ask the centre."""
        return await self._link.ask(ask, timeout_s)
