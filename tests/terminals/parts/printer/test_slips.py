"""What stands on the slips."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from menpiao.terminals.parts.printer.base import QrCode
from menpiao.terminals.parts.printer.escpos import encode
from menpiao.terminals.parts.printer.fonts import Fonts
from menpiao.terminals.parts.printer.profiles import PROFILES
from menpiao.terminals.parts.printer.render import Item, PaperCut, PrintedQr, interpret, text_lines
from menpiao.terminals.parts.printer.slips import (
    AdmissionFacts,
    RefundFacts,
    SaleFacts,
    admission_slip,
    refund_slip,
    sale_slip,
    yuan,
)

BEIJING = ZoneInfo("Asia/Shanghai")
ADMISSION = AdmissionFacts(
    site="示例山风景区",
    status="请通行，3人",
    people=3,
    ticket_number="T20261124000017",
    checked_at=datetime(2026, 11, 24, 9, 30, 5, tzinfo=BEIJING),
    place="东门 1 号通道",
    holder_masked="张*",
)
SALE = SaleFacts(
    site="示例山风景区",
    order_number="O20261124000123",
    product="成人票",
    visit_on=date(2026, 11, 25),
    people=3,
    price_fen=24_000,
    sold_at=datetime(2026, 11, 24, 9, 30, 5, tzinfo=BEIJING),
    slot="09:00-11:00",
    holder_masked="张*",
    counter="1 号窗口",
    code="MP7K2Q9XW4RT",
)
REFUND = RefundFacts(
    site="示例山风景区",
    order_number="O20261124000123",
    refund_number="R20261124000009",
    product="成人票",
    tickets=2,
    people=3,
    amount_fen=19_200,
    way="cash",
    refunded_at=datetime(2026, 11, 24, 9, 30, 5, tzinfo=BEIJING),
    holder_masked="张* 李**",
    counter="1 号窗口",
)
PROFILE = PROFILES["generic-58"]


def on_paper(slip: object) -> tuple[list[str], list[Item]]:
    items, unknown = interpret(encode(slip, PROFILE, Fonts()), PROFILE)
    assert unknown == []
    return text_lines(items), items


def test_the_five_facts_of_a_check() -> None:
    lines, _ = on_paper(admission_slip(ADMISSION))
    assert lines == [
        "示例山风景区",
        "检票凭条",
        "-" * 32,
        "请通行，3人",
        "人数：3",
        "票号：T20261124000017",
        "检票时间：2026-11-24 09:30:05",
        "检票地点：东门 1 号通道",
        "持票人：张*",
        "-" * 32,
    ]


def test_a_sale() -> None:
    lines, items = on_paper(sale_slip(SALE))
    assert lines == [
        "示例山风景区",
        "购票凭证",
        "-" * 32,
        "订单号：O20261124000123",
        "票种：成人票",
        "游览日期：2026-11-25",
        "入园时段：09:00-11:00",
        "人数：3",
        "金额：￥240.00",
        "持票人：张*",
        "售票时间：2026-11-24 09:30:05",
        "售票点：1 号窗口",
        "-" * 32,
        "请持身份证原件直接刷证入园",
    ]
    assert PrintedQr("MP7K2Q9XW4RT", 6) in items


def test_a_refund() -> None:
    lines, _ = on_paper(refund_slip(REFUND))
    assert lines == [
        "示例山风景区",
        "退票凭证",
        "-" * 32,
        "订单号：O20261124000123",
        "退款单号：R20261124000009",
        "票种：成人票",
        "退票张数：2",
        "人数：3",
        "退款金额：￥192.00",
        "退款方式：现金",
        "持票人：张* 李**",
        "退票时间：2026-11-24 09:30:05",
        "售票点：1 号窗口",
        "-" * 32,
        "所退门票已作废，不能再入园",
    ]
    english, _ = on_paper(refund_slip(replace(REFUND, way="provider"), "en"))
    assert "Paid back: original payment" in english


def test_what_is_not_known_is_not_printed() -> None:
    slip = sale_slip(replace(SALE, slot="", holder_masked="", counter="", code=""))
    lines, _ = on_paper(slip)
    assert not any(line.startswith(("入园时段", "持票人", "售票点")) for line in lines)
    assert not any(isinstance(line, QrCode) for line in slip.lines)


def test_english() -> None:
    lines, _ = on_paper(admission_slip(ADMISSION, "en"))
    assert "People: 3" in lines
    assert "Checked at: 2026-11-24 09:30:05" in lines


def test_the_slip_is_cut_where_there_is_a_knife() -> None:
    profile = PROFILES["generic-80"]
    items, _ = interpret(encode(admission_slip(ADMISSION), profile, Fonts()), profile)
    assert items[-1] == PaperCut()


@pytest.mark.parametrize(
    ("fen", "text"),
    [(0, "￥0.00"), (5, "￥0.05"), (8000, "￥80.00"), (-5, "-￥0.05"), (-8050, "-￥80.50")],
)
def test_money(fen: int, text: str) -> None:
    assert yuan(fen) == text
