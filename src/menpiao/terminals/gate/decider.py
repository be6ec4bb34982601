"""Who decides: the centre, asked over the link; `offline.decider` goes on where it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from menpiao.terminals.parts.link.base import Link, LinkFailure, LinkState
from menpiao.wire.check import Answer, Ask


class Mode(StrEnum):
    """Who would decide on a card that is laid now."""

    CENTRE = "centre"
    HUB = "hub"
    LANE = "lane"
    MANUAL = "manual"
    """Nobody: visitors go to the staffed lane."""


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """Another one decides from now on."""

    mode: Mode


class Decider(Protocol):
    """Gives the decision on an ask, or says that there is none."""

    @property
    def mode(self) -> Mode:
        """Who would decide now."""
        ...

    async def decide(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure:
        """The decision, within ``timeout_s``; no decision admits nobody."""
        ...


class CentreDecides:
    """Every ask goes to the centre."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def mode(self) -> Mode:
        """The centre, while its link stands."""
        return Mode.CENTRE if self._link.state is LinkState.UP else Mode.MANUAL

    async def decide(self, ask: Ask, timeout_s: float) -> Answer | LinkFailure:
        """Ask the centre."""
        return await self._link.ask(ask, timeout_s)
