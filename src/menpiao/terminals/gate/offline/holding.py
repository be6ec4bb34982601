"""What holds people back besides their tickets, as a lane last heard it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from menpiao.domain.capacity import is_full
from menpiao.wire.bundle import unpack_barred
from menpiao.wire.check import PlaceCount
from menpiao.wire.unreadable import UNREADABLE

_places: msgspec.json.Decoder[list[PlaceCount]] = msgspec.json.Decoder(list[PlaceCount])


@dataclass(frozen=True, slots=True)
class Holding:
    """Barred documents by their hash, until when; places with a ceiling by their zone."""

    barred: dict[bytes, int]
    places: dict[int, PlaceCount]

    def is_barred(self, holder: bytes, now: datetime) -> bool:
        """Whether this document is not let in now."""
        until_s = self.barred.get(holder)
        return until_s is not None and (until_s == 0 or now.timestamp() < until_s)

    def is_full(self, zone_id: int, since: int) -> bool:
        """Whether a place lets nobody else in; ``since``: people beyond those last counted."""
        place = self.places.get(zone_id)
        return place is not None and is_full(place.people + since, place.ceiling)


def holding_of(barred: str, places: str) -> Holding:
    """The lists from their texts: packed rows as base64, and JSON.

    Raises:
        ValueError: one cannot be read.
    """
    try:
        found = {place.zone_id: place for place in _places.decode(places)}
    except UNREADABLE as error:
        raise ValueError(f"places: {error}") from None
    return Holding(unpack_barred(barred), found)


def places_text(places: list[PlaceCount]) -> str:
    """The text of a list of places."""
    return msgspec.json.encode(places).decode()
