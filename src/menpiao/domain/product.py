"""What is sold, and the concessions on it: arranged by the operator, read by the rules."""

from dataclasses import dataclass

from menpiao.domain.ticket import Reentry


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A concession. ``age_from`` <= age < ``age_below``; an empty set or None is not looked at.

    ``evidence``: a paper that a person must see (empty: the document alone proves it).
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


@dataclass(frozen=True, slots=True)
class Product:
    """A kind of ticket. ``gate_ids`` and ``document_types`` empty: all of them."""

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
