"""Who may buy what: the rules of a sale, before and under the lock."""

import re
import unicodedata
from datetime import date, datetime, timedelta
from typing import NamedTuple

from menpiao.domain.capacity import Day, Slot, take
from menpiao.domain.document import (
    Document,
    age_band,
    age_on,
    birth_date,
    identity_text,
    origin,
    sex,
)
from menpiao.domain.pricing import Facts, quote
from menpiao.domain.product import Product
from menpiao.domain.reasons import Reason, Refusal

_PHONE = re.compile(r"1[3-9][0-9]{9}|\+[1-9][0-9]{5,14}")
_NAME_LONGEST = 40


class Visitor(NamedTuple):
    """A person with a document, and how many people come in on it (patent: ticket count)."""

    document: Document
    name: str
    people: int = 1
    evidence_seen: bool = False


class SaleRequest(NamedTuple):
    """What is to be sold; ``expected_fen``: the total that the buyer was shown, if any."""

    product_id: int
    slot_id: int
    visitors: tuple[Visitor, ...]
    phone: str = ""
    expected_fen: int | None = None


class TicketDraft(NamedTuple):
    """A ticket to be: its price, the reason for it, and what statistics keep of its holder."""

    visitor_index: int
    people: int
    price_fen: int
    list_price_fen: int
    concession: str
    reason_zh: str
    reason_en: str
    age_band: str
    sex: str
    province: str
    city: str
    evidence: str = ""
    evidence_en: str = ""
    """The certificate that is still to be seen, at the gate."""


class Priced(NamedTuple):
    """A request that keeps every rule except those on places."""

    drafts: tuple[TicketDraft, ...]
    total_fen: int
    people: int


class Sale(NamedTuple):
    """A sale that may be recorded: tickets, total, and the places as they are afterwards."""

    drafts: tuple[TicketDraft, ...]
    total_fen: int
    slot: Slot
    day: Day


def check_request(
    request: SaleRequest, product: Product, slot: Slot, today: date, now: datetime, channel: str
) -> Priced | Refusal:
    """Everything that needs no lock: what is on sale, who buys, what it costs."""
    refusal = _on_sale(product, slot, today, now) or _people(request, product)
    if refusal is not None:
        return refusal
    if (request.phone or channel == "web") and not _PHONE.fullmatch(request.phone):
        return Refusal(Reason.PHONE_INVALID, field="phone")
    drafts, youngest_alone = [], bool(product.minor_age) and channel == "web"
    for index, visitor in enumerate(request.visitors):
        refusal = _visitor(visitor, product, index)
        if refusal is not None:
            return refusal
        # Only a clerk can have seen a paper: what a web visitor claims counts for nothing.
        seen = visitor.evidence_seen and channel == "counter"
        draft, age = _draft(visitor, product, slot, index, evidence_seen=seen)
        youngest_alone = youngest_alone and age is not None and age < product.minor_age
        drafts.append(draft)
    if youngest_alone:
        return Refusal(Reason.MINOR_ALONE, str(product.minor_age), "visitors")
    total = sum(d.price_fen for d in drafts)
    if request.expected_fen is not None and request.expected_fen != total:
        return Refusal(Reason.PRICE_CHANGED, str(total), "expected_fen")
    return Priced(tuple(drafts), total, sum(d.people for d in drafts))


def at_desk(index: int) -> Refusal:
    """A visitor whose document is barred on the day: nothing is sold, and nobody is told why."""
    return Refusal(Reason.SALE_AT_DESK, field=f"visitors.{index}.number")


def place(
    priced: Priced, slot: Slot, day: Day, taken: frozenset[int], barred: int | None = None
) -> Sale | Refusal:
    """What must be decided under the lock: nobody twice, nobody too many, nobody who is barred.

    ``taken``: indexes of visitors whose document has a live ticket of this class on this day;
    ``barred``: the index of one who is not to be let in on it.
    """
    if barred is not None:
        return at_desk(barred)
    if taken:
        return Refusal(Reason.DUPLICATE_DOCUMENT, field=f"visitors.{min(taken)}.number")
    places = take(slot, day, priced.people)
    if isinstance(places, Refusal):
        return places
    return Sale(priced.drafts, priced.total_fen, *places)


def decide_sale(
    request: SaleRequest,
    product: Product,
    slot: Slot,
    day: Day,
    taken: frozenset[int],
    *,
    today: date,
    now: datetime,
    channel: str,
) -> Sale | Refusal:
    """The whole decision in one step."""
    priced = check_request(request, product, slot, today, now, channel)
    return priced if isinstance(priced, Refusal) else place(priced, slot, day, taken)


def _on_sale(product: Product, slot: Slot, today: date, now: datetime) -> Refusal | None:
    if slot.product_id != product.id:
        return Refusal(Reason.SLOT_UNKNOWN, field="slot_id")
    if not product.on_sale or slot.visit_date > today + timedelta(days=product.sale_days):
        return Refusal(Reason.NOT_ON_SALE, field="product_id")
    if slot.ends_at <= product.sale_reaches(now):
        return Refusal(Reason.SALE_ENDED, field="slot_id")
    return None


def _people(request: SaleRequest, product: Product) -> Refusal | None:
    if not request.visitors:
        return Refusal(Reason.NO_VISITORS, field="visitors")
    for index, visitor in enumerate(request.visitors):
        if not 1 <= visitor.people <= product.people_per_document:
            limit = str(product.people_per_document)
            return Refusal(Reason.PEOPLE_INVALID, limit, f"visitors.{index}.people")
    if sum(v.people for v in request.visitors) > product.people_per_order:
        return Refusal(Reason.ORDER_TOO_LARGE, str(product.people_per_order), "visitors")
    if len(request.visitors) == 1:
        return None
    seen: set[str] = set()
    for index, visitor in enumerate(request.visitors):
        key = identity_text(visitor.document)
        if key in seen:
            return Refusal(Reason.DUPLICATE_IN_ORDER, field=f"visitors.{index}.number")
        seen.add(key)
    return None


def _visitor(visitor: Visitor, product: Product, index: int) -> Refusal | None:
    if not _name_holds(visitor.name):
        return Refusal(Reason.NAME_INVALID, field=f"visitors.{index}.name")
    kind = visitor.document.type.value
    if product.document_types and kind not in product.document_types:
        field = f"visitors.{index}.document_type"
        return Refusal(Reason.DOCUMENT_TYPE_NOT_ACCEPTED, field=field)
    return None


def _name_holds(name: str) -> bool:
    """Letters, marks, spaces and the few signs names have; no emoji, no control characters."""
    if name.isalpha() and len(name) <= _NAME_LONGEST:
        return True
    text = name.strip(" \u3000")
    if not text or len(text) > _NAME_LONGEST:
        return False
    letters = False
    for char in text:
        kind = unicodedata.category(char)
        letters = letters or kind[0] == "L" or kind == "Co"
        if kind[0] not in "LM" and kind != "Co" and char not in " \u3000·•‧・．.'’-,()（）":
            return False
    return letters


def _draft(
    visitor: Visitor, product: Product, slot: Slot, index: int, *, evidence_seen: bool
) -> tuple[TicketDraft, int | None]:
    document = visitor.document
    born = birth_date(document)
    age = age_on(born, slot.visit_date) if born else None
    home = origin(document)
    province = home.province_code or ""
    facts = Facts(age, document.type.value, province)
    price = quote(product, facts, visitor.people, evidence_seen=evidence_seen)
    gender = sex(document)
    draft = TicketDraft(
        visitor_index=index,
        people=visitor.people,
        price_fen=price.price_fen,
        list_price_fen=price.list_price_fen,
        concession=price.concession,
        reason_zh=price.reason_zh,
        reason_en=price.reason_en,
        age_band=age_band(age) if age is not None else "",
        sex=gender.value if gender else "",
        province=province,
        city=home.prefecture,
        evidence=price.evidence if price.is_due else "",
        evidence_en=price.evidence_en if price.is_due else "",
    )
    return draft, age
