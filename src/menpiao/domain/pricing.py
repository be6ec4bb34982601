"""What a ticket costs its holder, and why."""

from typing import NamedTuple

from menpiao.domain.product import PriceRule, Product


class Facts(NamedTuple):
    """What a document says of its holder on the day of the visit."""

    age: int | None
    document_type: str
    province: str


class Quote(NamedTuple):
    """A price for everyone on one document, and the reason for a concession."""

    price_fen: int
    list_price_fen: int
    concession: str = ""
    reason_zh: str = ""
    reason_en: str = ""
    evidence: str = ""
    evidence_en: str = ""
    is_due: bool = False
    """The certificate has not been seen yet: it is asked for at the gate."""


def quote(product: Product, facts: Facts, people: int, *, evidence_seen: bool) -> Quote:
    """The lowest price that applies; the concession is the holder's, companions pay in full.

    A rule that needs evidence applies where somebody has seen it, or will see it at the gate.
    """
    full = product.price_fen * people
    best: PriceRule | None = None
    for rule in product.rules:
        unseen = rule.evidence and not evidence_seen and not rule.checked_at_gate
        if not _applies(rule, facts) or unseen:
            continue
        if rule.price_fen < (best.price_fen if best else product.price_fen):
            best = rule
    if best is None:
        return Quote(full, full)
    price = best.price_fen + product.price_fen * (people - 1)
    due = bool(best.evidence) and not evidence_seen
    zh, en = _why(best, due=due)
    return Quote(price, full, best.code, zh, en, best.evidence, best.evidence_en, is_due=due)


def _applies(rule: PriceRule, facts: Facts) -> bool:
    if rule.age_from is not None and (facts.age is None or facts.age < rule.age_from):
        return False
    if rule.age_below is not None and (facts.age is None or facts.age >= rule.age_below):
        return False
    if rule.document_types and facts.document_type not in rule.document_types:
        return False
    return not rule.provinces or facts.province in rule.provinces


def _why(rule: PriceRule, *, due: bool) -> tuple[str, str]:
    zh, en = [rule.name], [rule.name_en or rule.name]
    if rule.age_from is not None:
        zh.append(f"游玩日满{rule.age_from}周岁")
        en.append(f"{rule.age_from} or older on the day of visit")
    if rule.age_below is not None:
        zh.append(f"游玩日未满{rule.age_below}周岁")
        en.append(f"under {rule.age_below} on the day of visit")
    if rule.evidence and due:
        zh.append(f"入园时查验{rule.evidence}")
        en.append(f"show your {rule.evidence_en or rule.evidence} at the gate")
    elif rule.evidence:
        zh.append(f"已查验{rule.evidence}")
        en.append(f"{rule.evidence_en or rule.evidence} seen")
    return "，".join(zh), ", ".join(en)
