"""Products, slots, visitors and tickets for the tests of the rules; all numbers are made up."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from menpiao.domain.admission import Direction, Gate
from menpiao.domain.booking import SaleRequest, Visitor
from menpiao.domain.capacity import Day, Slot
from menpiao.domain.document import Document, DocumentType, resident_number
from menpiao.domain.product import PriceRule, Product
from menpiao.domain.ticket import Reentry, Ticket, TicketState

VISIT = date(2026, 5, 1)
OPENS = datetime(2026, 5, 1, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai
CLOSES = OPENS + timedelta(hours=4)
NOW = OPENS - timedelta(hours=1)
RESIDENT = DocumentType.RESIDENT.value


def rule(code: str, price_fen: int, **changes) -> PriceRule:
    plain = PriceRule(
        code=code,
        name=code,
        name_en=code,
        age_from=None,
        age_below=None,
        document_types=frozenset(),
        provinces=frozenset(),
        price_fen=price_fen,
        evidence="",
        evidence_en="",
    )
    return replace(plain, **changes)


CHILD = rule("child", 0, name="儿童", name_en="Child", age_below=6)
YOUTH = rule("youth", 4000, name="青少年", name_en="Youth", age_from=6, age_below=18)
STUDENT = rule("student", 4000, name="学生", evidence="学生证", evidence_en="student card")
SENIOR = rule("senior", 0, name="老人", name_en="Senior", age_from=65)
HUBEI = rule("hubei", 5000, name="湖北居民", provinces=frozenset({"42"}))
RULES = (CHILD, YOUTH, STUDENT, SENIOR, HUBEI)


def product(**changes) -> Product:
    plain = Product(
        id=7,
        site_id=1,
        code="adult",
        name="大门票",
        name_en="Entry",
        kind="slot",
        product_class="entry",
        price_fen=8000,
        people_per_order=5,
        people_per_document=3,
        sale_days=7,
        sale_ends_s=0,
        reentry=Reentry.NONE,
        document_types=frozenset(),
        minor_age=14,
        gate_ids=frozenset(),
        on_sale=True,
        rules=RULES,
    )
    return replace(plain, **changes)


def slot(capacity: int = 100, sold: int = 0, **changes) -> Slot:
    return Slot(11, 1, 7, VISIT, OPENS, CLOSES, capacity, sold)._replace(**changes)


def day(capacity: int = 1000, sold: int = 0) -> Day:
    return Day(1, VISIT, capacity, sold)


def born(years: int, sequence: int = 1, region: str = "110105") -> Document:
    """A resident card whose holder turns so many years on the day of the visit."""
    birth = date(VISIT.year - years, VISIT.month, VISIT.day)
    return Document(DocumentType.RESIDENT, resident_number(region, birth, sequence))


def visitor(years: int = 30, sequence: int = 1, **changes) -> Visitor:
    return Visitor(born(years, sequence), "张三")._replace(**changes)


def request(*visitors: Visitor, **changes) -> SaleRequest:
    return SaleRequest(7, 11, visitors or (visitor(),), "13800138000")._replace(**changes)


def ticket(people: int = 1, used: int = 0, inside: int = 0, **changes) -> Ticket:
    plain = Ticket(
        id=5,
        site_id=1,
        state=TicketState.VALID,
        people=people,
        used=used,
        inside=inside,
        visit_date=VISIT,
        opens_at=OPENS,
        closes_at=CLOSES,
        reentry=Reentry.NONE,
        gate_ids=frozenset(),
        product_name="大门票",
        product_name_en="Entry",
        holder_masked="张*",
        first_in_at=OPENS if used else None,
        first_in_gate="东门" if used else "",
    )
    return plain._replace(**changes)


def gate(**changes) -> Gate:
    return replace(Gate(id=3, site_id=1, name="东门"), **changes)


def exit_gate(**changes) -> Gate:
    return gate(id=4, name="东门出口", direction=Direction.EXIT, **changes)
