"""What is sold, and the concessions on it: arranged by the operator, read by the rules."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from menpiao.domain.refund import FREE_UNTIL_END, RefundPolicy
from menpiao.domain.ticket import Reentry


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A concession. ``age_from`` <= age < ``age_below``; an empty set or None is not looked at.

    ``evidence``: a paper that a person must see (empty: the document alone proves it);
    ``checked_at_gate``: it may be sold unseen, and is asked for at the gate.
    """

    code: str
    name: str
    name_en: str
    age_from: int | None
    age_below: int | None
    document_types: frozenset[str]
    provinces: frozenset[str]
    price_fen: int
    evidence: str
    evidence_en: str
    checked_at_gate: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A kind of ticket. ``gate_ids`` and ``document_types`` empty: all of them.

    Of kind ``pass`` it is good for ``valid_days`` from the day of the visit, for ``visits`` visits
    a person (0: any number). ``zones``: (zone, entries a person) of the zones it includes.
    """

    id: int
    site_id: int
    code: str
    name: str
    name_en: str
    kind: str
    product_class: str
    price_fen: int
    people_per_order: int
    people_per_document: int
    sale_days: int
    sale_ends_s: int
    reentry: Reentry
    document_types: frozenset[str]
    minor_age: int
    gate_ids: frozenset[int]
    on_sale: bool
    rules: tuple[PriceRule, ...]
    valid_days: int = 1
    visits: int = 0
    zones: tuple[tuple[int, int], ...] = ()
    refund: RefundPolicy = FREE_UNTIL_END

    def sale_reaches(self, now: datetime) -> datetime:
        """How far the sale reaches at a moment: only slots that end after it can be bought."""
        return now + timedelta(seconds=self.sale_ends_s)
