"""What is wrong with a lane at present, and what that makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from menpiao.domain.reasons import Reason
from menpiao.terminals.gate.states import GateState
from menpiao.terminals.parts.barrier.base import Hold


@dataclass(slots=True)
class Troubles:
    """All of them may be true at once; a lane begins without its parts."""

    reader: bool = True
    link: bool = True
    journal: bool = False
    barrier: bool = False
    hold: Hold = Hold.NONE
    """No trouble by itself: what somebody told the barrier to do."""
    refused: Reason | None = None
    """Why the centre does not let this terminal in."""

    @property
    def resting_state(self) -> GateState:
        """Where the lane rests. A cut link leaves it idle: it asks, and the link may be back."""
        if self.hold is Hold.OPEN:
            return GateState.HELD_OPEN
        if self.journal or self.refused is not None or self.hold is Hold.CLOSED:
            return GateState.OUT_OF_SERVICE
        return GateState.FAULT if self.reader or self.barrier else GateState.IDLE

    @property
    def shown_cause(self) -> Reason | None:
        """What the closed lane says, where that is more than being out of service."""
        if self.journal:
            return Reason.NEEDS_STAFF
        return self.refused
