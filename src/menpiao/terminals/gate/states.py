"""The states of a lane, and which may follow which.

```
IDLE ─card─▶ READING ─journalled─▶ ASKING ─admitted─▶ SHOWING_ADMIT ──┐
  ▲             └─ no journal ─┐      └─ all else ─▶ SHOWING_REFUSE ──┤
  │                            └─────────────────────▶      ▲         │
  └──────── held long enough, or at once with a new card ◀──┴─────────┘
FAULT: reader or barrier is out of service · HELD_OPEN: everybody walks, cards are not needed
OUT_OF_SERVICE: the journal is broken, the centre refuses us, or the barrier is held closed
```
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class GateState(StrEnum):
    """Where a lane is."""

    IDLE = "idle"
    READING = "reading"
    """A card was read; it is being noted in the journal."""
    ASKING = "asking"
    SHOWING_ADMIT = "showing_admit"
    SHOWING_REFUSE = "showing_refuse"
    HELD_OPEN = "held_open"
    FAULT = "fault"
    OUT_OF_SERVICE = "out_of_service"


RESTING: Final = frozenset(
    {GateState.IDLE, GateState.HELD_OPEN, GateState.FAULT, GateState.OUT_OF_SERVICE}
)
SHOWING: Final = frozenset({GateState.SHOWING_ADMIT, GateState.SHOWING_REFUSE})

_FROM_REST: Final = frozenset({GateState.READING, GateState.SHOWING_REFUSE})

# Nothing leads to SHOWING_ADMIT but ASKING: nobody is admitted without having been asked for.
NEXT: Final[dict[GateState, frozenset[GateState]]] = {
    GateState.IDLE: _FROM_REST | RESTING,
    GateState.HELD_OPEN: RESTING,
    GateState.FAULT: _FROM_REST | RESTING,
    GateState.OUT_OF_SERVICE: _FROM_REST | RESTING,
    GateState.READING: frozenset({GateState.ASKING, GateState.SHOWING_REFUSE}),
    GateState.ASKING: SHOWING,
    GateState.SHOWING_ADMIT: _FROM_REST | RESTING,
    GateState.SHOWING_REFUSE: _FROM_REST | RESTING,
}


class ForbiddenStepError(RuntimeError):
    """A step that the table does not have: a programming error, never a device's."""


def check_step(present: GateState, following: GateState) -> None:
    """Raise ForbiddenStepError unless the table has this step."""
    if following not in NEXT[present]:
        raise ForbiddenStepError(f"{present} -> {following}")
