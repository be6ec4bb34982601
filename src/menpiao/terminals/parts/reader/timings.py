"""Every delay of a reader driver, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Defaults fit every reader seen at 9600 baud and faster; a profile may change any of them."""

    poll_s: float = 0.1
    """From the start of one look for a card to the next."""
    gap_s: float = 0.02
    """Between find, select and read: some modules need the pause."""
    careful_poll_s: float = 0.1
    careful_gap_s: float = 0.02
    """What a module gets that does not keep up with shorter pauses: the shortest that
    programs seen give it."""
    careful_for_s: float = 3600.0
    """How long it gets them before it is tried again."""
    find_s: float = 0.5
    sam_id_s: float = 1.0
    status_s: float = 1.0
    read_first_s: float = 2.0
    """Until the first byte of a card's text."""
    read_whole_s: float = 5.0
    """Until the last byte: 1295 bytes take 1.35 s at 9600 baud."""
    stalled_s: float = 0.5
    """Silence inside a frame after which its length is not believed any more."""
    damaged_s: float = 0.1
    """Silence after a damaged frame before the request is repeated."""
    status_every_s: float = 3.0
    """Between two questions after the module's own health while no card is found."""
    reopen_s: float = 1.0
    """Between two attempts to open the port, or to wake a module that is out of service."""
    repeat_window_s: float = 3.0
    """How long after it was last seen a card counts as still lying there. It is kept per number.
    """
    silences_max: int = 3
    """Unanswered requests in a row after which the reader is out of service."""
